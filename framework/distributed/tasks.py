"""Tasks on the nodes of a Ray cluster, for features and for trials alike.

Ray runs the tasks, and runs those again whose worker was lost. This module does what Ray leaves
to its users: it bounds the tasks in flight, chooses a node for each, counts lost workers, and
gives up where no node can compute. It leaves the choice of nodes not to Ray (`SPREAD`), because
Ray notices a lost node after 15 seconds only, and meanwhile sends it all tasks in flight.
"""

import logging
import math
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from framework.distributed.cluster import Cluster, Resources, partition_node
from framework.errors import RunError
from framework.utils.environment import THREADS_VARIABLE, count_threads
from framework.utils.text import pluralize

logger = logging.getLogger(__name__)

# Seconds between two looks at which nodes there are; no call of `wait` takes longer.
POLL_SECONDS = 1.0


Slot = tuple[str, Resources]
"""The ID of a node, and what a worker may use of it."""


class WorkersLostError(RunError):
    """The worker of a task was lost at every attempt."""


@dataclass(frozen=True)
class FinishedTask:
    """A task that has ended.

    Args:
        key: What it was submitted as.
        node: The name of the node that ran it; `""` if it failed.
        value: What its function has returned.
        error: What its function has raised, or a `WorkersLostError`.
    """

    key: int
    node: str = ""
    value: Any = None
    error: BaseException | None = None

    def result(self) -> Any:
        """Return what the function has returned, or raise what it has raised."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(eq=False)
class _Task:
    key: int
    arguments: tuple[Any, ...]
    slot: Slot
    losses: int  # Nodes that were lost over it.
    has_started: bool = False


class TaskPool:
    """Calls of one function on the nodes of a cluster.

    A node has a slot for each of its workers (see `partition_node`). A task is submitted to the
    slot with the fewest tasks. Nodes that join are used within `POLL_SECONDS`.

    Args:
        cluster: Where the tasks run. Its count of lost workers is kept up to date.
        function: What they run, in worker processes that are used again.
        max_retries: How often a task is run again after its worker was lost.
        timeout: Seconds without a node that runs a task, or is free to, after which `wait`
            gives up. By default, it never does.
    """

    def __init__(
        self,
        cluster: Cluster,
        function: Callable[..., Any],
        max_retries: int,
        timeout: float = math.inf,
    ) -> None:
        import ray

        self._cluster = cluster
        self._function = function
        self._max_retries = max_retries
        self._timeout = timeout
        self._threads = count_threads()
        # By default, a worker that has a GPU ends with its task.
        self._run: Any = ray.remote(max_calls=0)(_run)
        self._slots: Counter[Slot] = Counter()
        self._names: dict[str, str] = {}
        self._waiting: deque[tuple[int, tuple[Any, ...], int]] = deque()
        self._submitted: dict[Any, _Task] = {}
        self._failed: deque[FinishedTask] = deque()
        self._last_active = time.monotonic()
        self._last_look = -math.inf
        self._has_warned = False
        self._look_for_nodes()

    def __len__(self) -> int:
        """Return the number of tasks that have not ended."""
        return len(self._waiting) + len(self._submitted) + len(self._failed)

    def has_room(self, tasks_per_slot: int = 1) -> bool:
        """Return whether there are fewer tasks than `tasks_per_slot` for each slot."""
        return len(self) < tasks_per_slot * self._slots.total()

    def submit(self, key: int, *arguments: Any) -> None:
        """Submit a call of the function.

        Args:
            key: What tells this task from others.
            arguments: What the function takes; it gets the objects of `ray.ObjectRef`s.
        """
        self._waiting.append((key, arguments, 0))
        self._submit_waiting()

    def wait(self) -> FinishedTask | None:
        """Wait until a task ends, for at most `POLL_SECONDS`.

        Raises:
            RunError: No node has run a task, or was free to, for `timeout` seconds.
        """
        import ray

        self._look_for_nodes()
        if self._failed:
            return self._failed.popleft()
        if not self._submitted:
            time.sleep(POLL_SECONDS)
            return None
        ready, _ = ray.wait(list(self._submitted), timeout=POLL_SECONDS)
        return self._receive(ready[0]) if ready else None

    def close(self) -> None:
        """Cancel the tasks that have not ended."""
        for generator in list(self._submitted):
            self._cancel(generator)
        self._waiting.clear()

    def _look_for_nodes(self) -> None:
        now = time.monotonic()
        if now - self._last_look < POLL_SECONDS:
            return
        self._last_look = now
        nodes = self._cluster.find_nodes()
        self._names |= {node.id: node.name for node in nodes}
        self._slots = Counter(
            (node.id, resources)
            for node in nodes
            for resources in partition_node(node, self._threads)
        )
        for generator, task in list(self._submitted.items()):
            if task.slot not in self._slots:
                self._submit_again(generator)
        self._submit_waiting()
        tasks = self._submitted.values()
        if self._slots and (not tasks or any(task.has_started for task in tasks)):
            self._last_active = now
        elif now - self._last_active > self._timeout:
            raise RunError(
                f"The Ray cluster has had no worker for {self._timeout / 60:.0f} minutes: no "
                "node with the versions of this machine has free processor cores (see ray "
                "status). Features stored so far are kept."
            )
        if not self._slots and not self._has_warned:
            logger.warning("! No node of the Ray cluster can compute now: waiting for one.")
        self._has_warned = not self._slots

    def _submit_waiting(self) -> None:
        while self._waiting and self._slots:
            key, arguments, losses = self._waiting.popleft()
            load = Counter(task.slot for task in self._submitted.values())
            slot = min(self._slots, key=lambda each: load[each] / self._slots[each])
            node_id, resources = slot
            generator = self._run.options(
                name=self._function.__name__,
                num_cpus=resources.cores,
                num_gpus=resources.gpus,
                max_retries=max(0, self._max_retries - losses),
                label_selector={"ray.io/node-id": node_id},
            ).remote(self._function, self._threads, *arguments)
            self._submitted[generator] = _Task(key, arguments, slot, losses)

    def _submit_again(self, generator: Any) -> None:
        """Submit a task of a node that has left to another node."""
        task = self._cancel(generator)
        self._cluster.lost += task.has_started
        losses = task.losses + task.has_started
        if losses > self._max_retries:
            self._failed.append(self._make_failure(task.key))
        else:
            self._waiting.appendleft((task.key, task.arguments, losses))

    def _cancel(self, generator: Any) -> _Task:
        import ray

        ray.cancel(generator, force=True)
        return self._submitted.pop(generator)

    def _receive(self, generator: Any) -> FinishedTask | None:
        """Receive the next message of a task; see `_run`."""
        import ray

        task = self._submitted[generator]
        try:
            message = ray.get(next(generator))
        except ray.exceptions.TaskUnschedulableError:
            self._submit_again(generator)
            return None
        except ray.exceptions.RayTaskError as error:
            finished = FinishedTask(task.key, error=error.cause)
        except ray.exceptions.RayError as error:
            logger.debug("%s", error)
            self._cluster.lost += self._max_retries + 1 - task.losses
            finished = self._make_failure(task.key)
        else:
            if message is None:
                task.has_started = True
                return None
            value, node_id, losses = message
            finished = FinishedTask(task.key, self._names[node_id], value)
            if losses:
                self._cluster.lost += losses
                logger.warning(
                    "! Lost %s of the Ray cluster: the task was run again on %s.",
                    pluralize(losses, "worker"),
                    finished.node,
                )
        del self._submitted[generator]
        return finished

    def _make_failure(self, key: int) -> FinishedTask:
        workers = pluralize(self._max_retries + 1, "worker")
        error = WorkersLostError(f"Lost {workers} of the Ray cluster")
        return FinishedTask(key, error=error)


def _run(function: Callable[..., Any], threads: int, *arguments: Any) -> Iterator[Any]:
    """Run a task in a worker process.

    Args:
        function: What to run.
        threads: The number of threads of this process's TensorFlow, which has not started
            yet: as many as the run's own has, whatever cores there are, because they decide
            how sums are split, and with it the last bits.
        arguments: What the function takes.

    Yields:
        `None` when the task starts; when it ends, what the function has returned, the ID of
        this node, and the number of workers that were lost over the task before.
    """
    import ray

    os.environ[THREADS_VARIABLE] = str(threads)
    yield None
    value = function(*arguments)
    context = ray.get_runtime_context()
    # Ray has no public way to the number of the attempt.
    attempt = context.worker.core_worker.get_current_task_attempt_number()
    yield value, context.get_node_id(), attempt

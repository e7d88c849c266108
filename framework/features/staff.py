"""The workers on a Ray cluster: started where cores are free, replaced when they are lost."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from framework.distributed.cluster import Cluster, Node, Resources, node_affinity, partition_node
from framework.errors import RunError, first_sentence
from framework.features.extractor import Extractor
from framework.utils.environment import count_threads

logger = logging.getLogger(__name__)

# Seconds between two looks at which nodes there are.
POLL_SECONDS = 5.0

# Seconds to wait for a first or another worker when there is none.
TIMEOUT_SECONDS = 300.0

# Workers that may be lost on a node before they have begun; then it is left alone.
FALSE_STARTS = 3


@dataclass(eq=False)
class Member:
    """A worker process.

    Args:
        actor: Ray's handle of a `framework.features.worker.Worker`.
        node: Where it runs.
        share: What it uses there.
        greeting: Reference to what it answers once it can compute; `None` when it has.
    """

    actor: Any
    node: Node
    share: Resources
    greeting: Any


class Staff:
    """Workers that all have the same extractor.

    Args:
        extractor: What they compute with.
        cluster: Where they work.
    """

    def __init__(self, extractor: Extractor, cluster: Cluster) -> None:
        self._extractor = extractor
        self._cluster = cluster
        self._members: list[Member] = []
        self._false_starts: Counter[str] = Counter()
        self._packed: Any = None
        self._output = ""
        self._threads = count_threads()
        self.look_again()
        self._last_ready = time.monotonic()

    @property
    def ready(self) -> list[Member]:
        """The workers that can compute."""
        return [member for member in self._members if member.greeting is None]

    @property
    def greetings(self) -> list[Any]:
        """What `welcome` is waiting for."""
        return [member.greeting for member in self._members if member.greeting is not None]

    def look_again(self) -> None:
        """Let the next call of `recruit` look for nodes at once."""
        self._last_look = -POLL_SECONDS

    def recruit(self, needed: int) -> None:
        """Start workers where cores are without one.

        Args:
            needed: As many as there is work for.

        Raises:
            RunError: There has been no worker for a long time.
        """
        now = time.monotonic()
        if self.ready:
            self._last_ready = now
        elif now - self._last_ready > TIMEOUT_SECONDS:
            raise RunError(
                f"The Ray cluster has had no worker for {TIMEOUT_SECONDS / 60:.0f} minutes: no "
                "node with the versions of this machine has free processor cores (see ray status). "
                "What is stored so far is kept."
            )
        if now - self._last_look < POLL_SECONDS:
            return
        self._last_look = now
        vacancies = [
            (place, node, share)
            for node in self._cluster.find_nodes()
            if self._false_starts[node.id] < FALSE_STARTS
            for place, share in enumerate(self._find_vacancies(node))
        ]
        # The first of every node before the second of any.
        for _, node, share in sorted(vacancies, key=lambda vacancy: vacancy[0]):
            if len(self._members) < needed:
                self._members.append(self._start(node, share))
        if not self._members:
            logger.warning("! No node of the Ray cluster can compute now: waiting for one.")

    def _find_vacancies(self, node: Node) -> list[Resources]:
        taken = Counter(member.share for member in self._members if member.node.id == node.id)
        return list((Counter(partition_node(node, self._threads)) - taken).elements())

    def _start(self, node: Node, share: Resources) -> Member:
        import ray

        from framework.features.worker import Worker

        if self._packed is None:
            self._packed = ray.put(self._extractor.pack())
            self._output = self._extractor.fingerprint_output()
        kind = ray.remote(Worker).options(
            num_cpus=share.cores, num_gpus=share.gpus, scheduling_strategy=node_affinity(node)
        )
        actor: Any = kind.remote(self._threads)
        return Member(actor, node, share, actor.take_extractor.remote(self._packed))

    def welcome(self, greeting: Any) -> None:
        """Let a worker whose greeting has come take part.

        Raises:
            RunError: It can't be started, nor could any other there.
        """
        import ray

        member = next((each for each in self._members if each.greeting == greeting), None)
        if member is None:
            return  # It was dismissed meanwhile.
        try:
            output = ray.get(greeting)
        except ray.exceptions.RayTaskError as error:
            raise RunError(
                f"{member.node.name}: no worker can be started: {first_sentence(error.cause)}"
            ) from error
        except ray.exceptions.RayError as error:
            logger.warning("! %s: a worker was lost while it started.", member.node.name)
            logger.debug("%s", error)
            self._false_starts[member.node.id] += 1
            self.dismiss(member)
            return
        if output != self._output:
            logger.warning(
                "! %s computes other last bits than this machine (another kind of processor?): its "
                "features are right to rounding, but not those of this machine bit by bit.",
                member.node.name,
            )
        member.greeting = None

    def dismiss(self, member: Member) -> None:
        """End a worker, if it still runs, and with that frees its cores."""
        import ray

        self._members.remove(member)
        ray.kill(member.actor)

    def close(self) -> None:
        """End all workers."""
        for member in list(self._members):
            self.dismiss(member)
        self._packed = None

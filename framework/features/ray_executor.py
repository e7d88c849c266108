"""Chunks of features computed by workers on all nodes of a Ray cluster.

The images of a chunk travel to a worker as their source has them (see
`framework.data.images.Images.pack`), and its features travel back. Decoding, resizing and
augmenting are left to the workers; nobody but this process reads images from the disk or
writes the store, so that the nodes need not share one.

A worker that is lost costs the time of the chunks that it had: others compute them again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from framework.data.images import Images
from framework.distributed.cluster import Cluster
from framework.errors import RunError
from framework.features import staff
from framework.features.executors import Chunks
from framework.features.extractor import Extractor
from framework.features.staff import Member, Staff

logger = logging.getLogger(__name__)

# Chunks that a worker has at a time: one to compute, and the next, which travels meanwhile.
CHUNKS_PER_WORKER = 2

# Bytes of images on their way at a time, beyond which no worker gets a second chunk. With that,
# this machine's share of Ray's memory has to hold a chunk for each worker, or these bytes; Ray
# puts on the disk what it has no room for.
BYTES_ON_THE_WAY = 512 * 2**20

# Workers that may be lost over the same chunk.
MAX_RETRIES = 4


class RayExecutor:
    """Workers on a cluster that share chunks among them; see `framework.features.executors`.

    Args:
        extractor: What all of them compute with.
        cluster: Where they work.
    """

    def __init__(self, extractor: Extractor, cluster: Cluster) -> None:
        self._cluster = cluster
        self._staff = Staff(extractor, cluster)

    def estimate_cost(self, images: int) -> str:
        """Say who will compute; see `Executor.estimate_cost`."""
        nodes = [node for node in self._cluster.find_nodes() if node.cores]
        return f"by the workers of {len(nodes)} Ray node{'s' if len(nodes) != 1 else ''}"

    def compute(
        self, images: Images, view: int, chunks: Chunks, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Compute chunks, whichever is done first; see `Executor.compute`.

        Raises:
            RunError: An image can't be read; no worker is to be had; or one chunk ends
                every worker that computes it.
        """
        for task, arrays in _Dispatch(self._staff, images, view, chunks).run(self._count_loss):
            count = len(chunks[task.chunk])
            self._cluster.images[task.member.node.name] += count
            advance(count)
            yield task.chunk, arrays

    def _count_loss(self) -> None:
        self._cluster.lost += 1

    def close(self) -> None:
        """End all workers."""
        self._staff.close()


@dataclass(frozen=True)
class _Task:
    """A chunk that is on its way, and the worker that has it."""

    member: Member
    chunk: int
    nbytes: int


class _Dispatch:
    """The chunks of one view on their way to the workers and back."""

    def __init__(self, workers: Staff, images: Images, view: int, chunks: Chunks) -> None:
        self._staff = workers
        self._images = images
        self._view = view
        self._chunks = chunks
        self._waiting = deque(chunks)
        self._tasks: dict[Any, _Task] = {}
        self._losses: Counter[int] = Counter()

    def run(self, count_loss: Callable[[], None]) -> Iterator[tuple[_Task, list[np.ndarray]]]:
        while self._waiting or self._tasks:
            self._staff.recruit(len(self._waiting) + len(self._tasks))
            self._hand_out()
            for ref in self._await():
                task = self._tasks.pop(ref, None)
                if task is None:
                    self._staff.welcome(ref)
                    continue
                arrays = self._receive(ref, task)
                if arrays is None:
                    count_loss()
                    self._take_back(task)
                else:
                    yield task, arrays

    def _hand_out(self) -> None:
        """Send chunks out, one to each worker before a second to any."""
        load = Counter(dict.fromkeys(self._staff.ready, 0))
        load.update(task.member for task in self._tasks.values())
        on_the_way = sum(task.nbytes for task in self._tasks.values())
        while self._waiting and load:
            member = min(load, key=lambda each: load[each])
            if load[member] >= (CHUNKS_PER_WORKER if on_the_way < BYTES_ON_THE_WAY else 1):
                return
            chunk = self._waiting.popleft()
            packed = self._images.pack(self._chunks[chunk])
            ref = member.actor.compute.remote(packed, self._view)
            self._tasks[ref] = _Task(member, chunk, packed.nbytes)
            load[member] += 1
            on_the_way += packed.nbytes

    def _await(self) -> list[Any]:
        """Wait until something is done, or it is time to look for nodes again."""
        import ray

        refs = [*self._staff.greetings, *self._tasks]
        if not refs:
            time.sleep(staff.POLL_SECONDS)
            return []
        done, _ = ray.wait(refs, timeout=staff.POLL_SECONDS)
        return done

    def _receive(self, ref: Any, task: _Task) -> list[np.ndarray] | None:
        """Return the features of a chunk; `None` if its worker was lost.

        Raises:
            RunError: An image can't be read.
        """
        import ray

        try:
            features: list[np.ndarray] = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, RunError):
                raise RunError(str(error.cause)) from error
            raise
        except ray.exceptions.RayError as error:
            logger.debug("%s: %s", task.member.node.name, error)
            return None
        return features

    def _take_back(self, failed: _Task) -> None:
        """Put the chunks of a lost worker first in the queue."""
        self._losses[failed.chunk] += 1
        if self._losses[failed.chunk] == MAX_RETRIES:
            raise RunError(
                f"{MAX_RETRIES} workers of the Ray cluster were lost, one after the other, over "
                f"the same {len(self._chunks[failed.chunk])} images. Have the nodes enough memory? "
                "What is stored so far is kept."
            )
        logger.warning(
            "! A worker on %s was lost: others compute what it had.", failed.member.node.name
        )
        self._staff.dismiss(failed.member)
        self._staff.look_again()
        refs = [ref for ref, task in self._tasks.items() if task.member is failed.member]
        lost = [failed.chunk, *(self._tasks.pop(ref).chunk for ref in refs)]
        self._waiting.extendleft(reversed(lost))

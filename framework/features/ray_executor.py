"""Chunks of features computed by tasks on all nodes of a Ray cluster.

The images of a chunk travel to a worker as their source has them (see
`framework.data.images.Images.pack`), and its features travel back. Workers decode, resize and
augment the images. Only this process reads images from the disk and writes the store, so that
the nodes need no shared disk.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import tensorflow as tf

from framework.data.images import Images, PackedImages
from framework.distributed.cluster import Cluster
from framework.distributed.tasks import TaskPool, WorkersLostError
from framework.errors import RunError
from framework.features.executors import Chunks
from framework.features.extractor import Extractor
from framework.utils.text import pluralize

logger = logging.getLogger(__name__)

# Chunks in flight per worker: one to compute, and the next, which travels meanwhile.
CHUNKS_PER_WORKER = 2

# Bytes of images in flight beyond which no worker gets a second chunk. With that, this machine's
# share of Ray's memory has to hold a chunk for each worker, or these bytes; Ray puts on the disk
# what it has no room for.
MAX_BYTES_IN_FLIGHT = 512 * 2**20

# How often a chunk is computed again after its worker was lost.
MAX_RETRIES = 3

# Seconds to wait for a worker when there is none.
TIMEOUT_SECONDS = 300.0


class RayExecutor:
    """Computes chunks on a cluster; see `framework.features.executors.Executor`.

    Args:
        extractor: What all workers compute with.
        cluster: Where they run.
    """

    def __init__(self, extractor: Extractor, cluster: Cluster) -> None:
        self._extractor = extractor
        self._cluster = cluster
        self._shared: Any = None  # The extractor in Ray's memory, when a chunk has needed it.
        self._fingerprint = ""
        self._deviating: set[str] = set()

    def estimate_cost(self, images: int) -> str:
        """Say how many nodes will compute; see `Executor.estimate_cost`."""
        nodes = [node for node in self._cluster.find_nodes() if node.cores]
        return f"by the workers of {pluralize(len(nodes), 'Ray node')}"

    def compute(
        self, images: Images, view: int, chunks: Chunks, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Compute chunks, whichever is done first; see `Executor.compute`.

        Raises:
            RunError: An image can't be read, there is no worker, or every worker that
                computed a chunk was lost.
        """
        import ray

        if self._shared is None:
            self._shared = ray.put(self._extractor.pack())
            self._fingerprint = self._extractor.fingerprint_output()
        waiting = deque(chunks)
        in_flight: dict[int, int] = {}  # Chunk -> bytes.
        with closing(TaskPool(self._cluster, compute_chunk, MAX_RETRIES, TIMEOUT_SECONDS)) as pool:
            while waiting or pool:
                while waiting and pool.has_room(
                    CHUNKS_PER_WORKER if sum(in_flight.values()) < MAX_BYTES_IN_FLIGHT else 1
                ):
                    chunk = waiting.popleft()
                    packed = images.pack(chunks[chunk])
                    in_flight[chunk] = packed.nbytes
                    pool.submit(chunk, [self._shared], ray.put(packed), view)
                if (finished := pool.wait()) is None:
                    continue
                chunk, count = finished.key, len(chunks[finished.key])
                try:
                    arrays, fingerprint = finished.result()
                except WorkersLostError as error:
                    raise RunError(
                        f"{error}, one after the other, over the same {pluralize(count, 'image')}. "
                        "Have the nodes enough memory? Features stored so far are kept."
                    ) from error
                del in_flight[chunk]
                self._compare(fingerprint, finished.node)
                self._cluster.images[finished.node] += count
                advance(count)
                yield chunk, arrays

    def _compare(self, fingerprint: str, node: str) -> None:
        """Warn, once a node, of features that differ from those of this machine."""
        if fingerprint == self._fingerprint or node in self._deviating:
            return
        self._deviating.add(node)
        logger.warning(
            "! %s computes other last bits than this machine (another kind of processor?): its "
            "features are right to rounding, but not those of this machine bit by bit.",
            node,
        )


_loaded: dict[str, tuple[Extractor, str]] = {}
"""In a worker process: the reference of the last extractor -> it and its fingerprint."""


def compute_chunk(
    shared: list[Any], images: PackedImages, view: int
) -> tuple[list[np.ndarray], str]:
    """Compute the features of all images, in batches like those of one machine alone.

    Args:
        shared: The reference of what `Extractor.pack` returns. In a list, Ray does not
            resolve it at every call.
        images: The images.
        view: Which augmented set; 0 for the images as they are.

    Returns:
        One `(n, *spec.shape)` array for each of the extractor's `specs`, and the extractor's
        `fingerprint_output` in this process.
    """
    import ray

    (reference,) = shared
    key = reference.hex()
    if key not in _loaded:
        _loaded.clear()
        tf.config.experimental.enable_op_determinism()
        extractor = Extractor.unpack(ray.get(reference))
        _loaded[key] = extractor, extractor.fingerprint_output()
    extractor, fingerprint = _loaded[key]
    blocks = extractor.stream(images, np.arange(len(images)), view)
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)], fingerprint

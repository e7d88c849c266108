"""Features over a two-node Ray cluster on this machine, against one process with both cores.

    python -m benchmarks.cluster --images 4096

Each node has one core. All compute the same frozen VGG16 on the same images, and store what
comes out; the files must be equal bit by bit. In a last turn one node is killed at half time.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.extraction import SHAPE, build_network
from benchmarks.machines import Machines, start_executor, start_machines
from benchmarks.tables import report
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.distributed.cluster import list_nodes
from framework.features.executors import Executor, LocalExecutor
from framework.features.extractor import Extractor
from framework.features.store_entry import StoreEntry
from framework.utils.seed import set_seed

NODES = 2
# Images that the workers compute before, one at a time.
WARM_UP = 8


def make_images(count: int) -> Images:
    """Grey images of noise, as large as MNIST's."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return Images(ArraySource(pixels, np.zeros(count, np.int64)), np.arange(count), SHAPE)


def time_fill(
    executor: Executor,
    extractor: Extractor,
    images: Images,
    half_time: Callable[[], None] | None = None,
) -> tuple[float, set[str]]:
    """Fill a store's entry.

    Args:
        executor: Who computes.
        extractor: What with.
        images: What of.
        half_time: Is called when half of the chunks are stored.

    Returns:
        Seconds, and the names of the files, which hold their checksums.
    """
    # Chunks of a batch, so that few images make many of them.
    size = extractor.batch_size
    directory = Path(tempfile.mkdtemp())
    entry = StoreEntry(directory, {}, len(images), size, extractor.specs)
    entry.create()
    chunks = {chunk: entry.chunk_positions(chunk) for chunk in entry.find_missing()}
    start = time.perf_counter()
    computed = executor.compute(images, 0, chunks, lambda count: None)
    for stored, (chunk, arrays) in enumerate(computed, start=1):
        entry.write_chunk(chunk, arrays)
        if half_time is not None and stored == len(chunks) // 2:
            half_time()
    seconds = time.perf_counter() - start
    names = {path.name for path in directory.glob("*.npy")}
    shutil.rmtree(directory)
    return seconds, names


def time_loss(machines: Machines, extractor: Extractor, images: Images) -> tuple[float, set[str]]:
    """As `time_fill`, with a node that is killed at half time."""
    victim = next(node for node in list_nodes() if node.cores).id
    executor = start_executor(extractor, machines.cluster, make_images(WARM_UP))
    return time_fill(executor, extractor, images, lambda: machines.kill(victim))


def main() -> None:
    """Read the options, measure turn by turn, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    set_seed(0, "backbone")  # As every run does.
    extractor, images = Extractor(build_network()), make_images(options.images)
    extractor.measure_rate()
    alone, shared, ratios = [], [], []
    with start_machines(NODES) as machines:
        started = time.perf_counter()
        executor = start_executor(extractor, machines.cluster, make_images(WARM_UP))
        starting = time.perf_counter() - started
        for _ in range(options.repeat):
            seconds, expected = time_fill(LocalExecutor(extractor), extractor, images)
            alone.append(seconds)
            seconds, found = time_fill(executor, extractor, images)
            shared.append(seconds)
            ratios.append(alone[-1] / seconds)
            if found != expected:
                raise SystemExit("The cluster has computed other bits than one process.")
        loss, found = time_loss(machines, extractor, images)
        if found != expected:
            raise SystemExit("With a node lost, the cluster has computed other bits.")
    rows = [
        {"who": "one process, two cores", "s": statistics.median(alone), "times the rate": 1.0},
        {
            "who": "two Ray nodes of one core",
            "s": statistics.median(shared),
            "times the rate": statistics.median(ratios),
        },
        {
            "who": "the same, one node killed at half time",
            "s": loss,
            "times the rate": statistics.median(alone) / loss,
        },
    ]
    for row in rows:
        row["images/s"] = options.images / float(row["s"])
    notes = (
        f"Frozen VGG16 at 32x32, {options.images:,} images, stored in chunks of "
        f"{extractor.batch_size}, medians of {options.repeat} turns (one with the loss); the files "
        f"were equal bit by bit. Before, the two workers took {starting:.0f} s to start."
    )
    report("cluster", rows, notes)


if __name__ == "__main__":
    main()

"""A run's features over a cluster, simulated chunk by chunk from measured rates."""

import heapq
from dataclasses import dataclass

from benchmarks.rates import Rates
from framework.features.ray_executor import CHUNKS_PER_WORKER, MAX_BYTES_IN_FLIGHT


@dataclass(frozen=True)
class Outcome:
    """How a simulated run went.

    Args:
        seconds: From the first chunk sent to the last one stored.
        driver: Share of that in which the run's own process was busy.
        link: Share in which its network link was, in the busier direction.
        workers: Share in which the workers were, on average.
        bytes_on_the_way: Most bytes of pictures that were on their way at a time.
    """

    seconds: float
    driver: float
    link: float
    workers: float
    bytes_on_the_way: int


def simulate(rates: Rates, images: int, workers: int, speed: float, link: float) -> Outcome:
    """Play what `framework.features.ray_executor` does, event by event.

    One process reads, sends, receives and stores, one thing at a time. Each worker computes
    its chunks in turn. Pictures and features share the link of the run's machine, one
    transfer at a time in either direction.

    Args:
        rates: What everything costs.
        images: How many there are; the last chunk may be smaller.
        workers: How many compute.
        speed: How fast a worker is, as a share of the machine that was measured.
        link: Bytes a second of the network link.
    """
    sizes = _cut(images, rates.chunk_images)
    waiting = len(sizes)
    now = sent = received = busy = 0.0
    peak = 0
    free = [0.0] * workers
    load = [0] * workers
    done: list[tuple[float, int, int]] = []  # When, by which worker, how many images.
    on_the_way = stored = 0
    worked = out_time = in_time = 0.0
    while stored < len(sizes):
        # As RayExecutor.compute and Ray do it.
        while waiting:
            worker = min(range(workers), key=load.__getitem__)
            full = on_the_way >= MAX_BYTES_IN_FLIGHT
            if load[worker] >= (1 if full else CHUNKS_PER_WORKER):
                break
            waiting -= 1
            size = sizes[waiting]
            cost = size * rates.pack + rates.message / 2
            now, busy = now + cost, busy + cost
            transfer = size * rates.file_bytes / link
            sent = max(sent, now) + transfer
            out_time += transfer
            seconds = size * rates.compute / speed
            free[worker] = max(free[worker], sent) + seconds
            worked += seconds
            load[worker] += 1
            on_the_way += size * rates.file_bytes
            peak = max(peak, on_the_way)
            heapq.heappush(done, (free[worker], worker, size))
        when, worker, size = heapq.heappop(done)
        transfer = size * rates.feature_bytes / link
        received = max(received, when) + transfer
        in_time += transfer
        cost = size * rates.write + rates.message / 2
        now = max(now, received) + cost
        busy += cost
        load[worker] -= 1
        on_the_way -= size * rates.file_bytes
        stored += 1
    return Outcome(now, busy / now, max(out_time, in_time) / now, worked / (workers * now), peak)


def _cut(images: int, chunk: int) -> list[int]:
    whole, rest = divmod(images, chunk)
    return ([rest] if rest else []) + [chunk] * whole

"""What many images cost on one machine and on many: measured rates, and a simulation over them.

    python -m benchmarks.scale --measure --write

`--measure` measures the rates here and compares the simulation with runs of three sizes over a
two-node Ray cluster on this machine; without it the last measurement counts. `--write` puts the
tables into docs/scale.md.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cluster import WARM_UP, make_images, time_fill
from benchmarks.machines import start_executor, start_machines
from benchmarks.rates import Rates, build_extractor, measure_rates
from benchmarks.simulation import simulate
from benchmarks.tables import RESULTS, describe_machine, format_table
from framework.utils.files import read_json, write_json, write_text

MEASURED = RESULTS / "scale.json"
DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- python -m benchmarks.scale: begin -->", "<!-- end -->"

# Side of the pictures; pictures that are measured; how many of them pass the extractor.
KINDS = ((32, 2000, 1024), (224, 300, 16))
SIZES = (70_000, 1_000_000, 100_000_000)
NODES = (1, 10, 50)
EPOCHS = 25
# Bytes a second of ten gigabit Ethernet, of which a tenth goes to its protocols.
LINK = 0.9 * 10e9 / 8
RUNS = (1024, 2048, 4096)
HOUR = 3600


def measure(runs: tuple[int, ...]) -> dict[str, Any]:
    """Measure rates and run; ready for JSON."""
    with start_machines(2) as machines:
        rates = [asdict(measure_rates(*kind)) for kind in KINDS]
        extractor = build_extractor(KINDS[0][0])
        checks = []
        executor = start_executor(extractor, machines.cluster, make_images(WARM_UP))
        for images in runs:
            seconds, _ = time_fill(executor, extractor, make_images(images))
            checks.append({"images": images, "seconds": seconds})
    return {"machine": describe_machine(), "rates": rates, "runs": checks}


def tell_rates(rates: list[Rates]) -> list[dict[str, Any]]:
    """Return the measured rates, as a table."""
    columns = {
        "a picture checked, ms": lambda r: 1e3 * r.check,
        "read and sent, ms": lambda r: 1e3 * (r.pack + r.message / r.chunk_images / 2),
        "decoded and computed, ms": lambda r: 1e3 * r.compute,
        "received and stored, ms": lambda r: 1e3 * (r.write + r.message / r.chunk_images / 2),
        "verified when a run begins, ms": lambda r: 1e3 * r.verify,
        "an epoch of the top, ms": lambda r: 1e3 * r.epoch,
        "its file, bytes": lambda r: float(r.file_bytes),
        "its features, bytes": lambda r: float(r.feature_bytes),
        "in memory, bytes": lambda r: r.memory,
    }
    return [
        {"for an image": name} | {f"{r.side}x{r.side}": column(r) for r in rates}
        for name, column in columns.items()
    ]


def tell_costs(rates: Rates) -> list[dict[str, Any]]:
    """Hours, disk and memory of runs of all sizes on clusters of all sizes."""
    rows = []
    for images in SIZES:
        for nodes in NODES:
            outcome = simulate(rates, images, nodes, 1.0, LINK)
            shares = {
                "the nodes": outcome.workers,
                "the run's process": outcome.driver,
                "its network": outcome.link,
            }
            rows.append(
                {
                    "images": f"{images:,}",
                    "nodes": nodes,
                    "check, h": images * rates.check / HOUR,
                    "features, h": outcome.seconds / HOUR,
                    "busiest there": max(shares, key=lambda part: shares[part]),
                    f"{EPOCHS} epochs, h": EPOCHS * images * rates.epoch / HOUR,
                    "store, GB": images * rates.feature_bytes / 1e9,
                    "memory, GB": (images * rates.memory + outcome.bytes_on_the_way) / 1e9,
                }
            )
    return rows


def tell_limits(rates: list[Rates]) -> list[dict[str, Any]]:
    """Return how many nodes keep the run's machine busy, by what saturates first."""
    rows = []
    for each in rates:
        message = each.message / each.chunk_images
        process = each.pack + each.write + message
        network = max(each.file_bytes, each.feature_bytes) / LINK
        rows.append(
            {
                "pictures": f"{each.side}x{each.side}",
                "a node, images/s": 1 / each.compute,
                "the run's process, images/s": 1 / process,
                "its network, images/s": 1 / network,
                "nodes that saturate it": each.compute / max(process, network),
            }
        )
    return rows


def tell_runs(rates: Rates, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run over two one-core nodes, measured and simulated.

    Their chunks are batches, and their images arrays: nothing is read or decoded.
    """
    batch = build_extractor(rates.side).batch_size
    small = Rates(**(asdict(rates) | {"chunk_images": batch, "pack": 0.0, "file_bytes": 784}))
    rows = []
    for run in runs:
        expected = simulate(small, run["images"], 2, 0.5, LINK).seconds
        rows.append(
            {
                "images": f"{run['images']:,}",
                "measured, s": run["seconds"],
                "simulated, s": expected,
                "simulated / measured": expected / run["seconds"],
            }
        )
    return rows


def write_document(text: str) -> None:
    """Put the tables in their place in docs/scale.md."""
    document = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    write_text(DOCUMENT, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def main() -> None:
    """Read the options, measure or read the last measurement, simulates, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", action="store_true", help="measure the rates anew")
    parser.add_argument("--runs", type=int, nargs="+", default=RUNS, help="images of the runs")
    parser.add_argument("--write", action="store_true", help="write docs/scale.md")
    options = parser.parse_args()
    if options.measure:
        RESULTS.mkdir(parents=True, exist_ok=True)
        write_json(MEASURED, measure(tuple(options.runs)))
    measured = read_json(MEASURED)
    rates = [Rates(**values) for values in measured["rates"]]
    parts = [f"### Measured rates\n\n{format_table(tell_rates(rates))}\n\n{measured['machine']}"]
    for each in rates:
        title = f"### Pictures of {each.side}x{each.side}"
        parts.append(f"{title}\n\n{format_table(tell_costs(each))}")
    parts.append(f"### What saturates first\n\n{format_table(tell_limits(rates))}")
    runs = format_table(tell_runs(rates[0], measured["runs"]))
    parts.append(f"### The simulation against runs\n\n{runs}")
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        write_document(text)


if __name__ == "__main__":
    main()

r"""Measures the tables of docs/results.md, or checks some of their rows.

python -m scripts.make_results --mnist mnist.npz --weights vgg16_notop.weights.h5 \
    --photographs photos
"""

import argparse
import csv
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from framework.utils.files import write_text
from framework.utils.tables import format_csv
from scripts.result_rows import TRANSFER, Result, Row, Sources, list_rows, measure

ROWS = Path("results/tables/rows.csv")
PAGE = Path("docs/results.md")

Measured = dict[Row, Result]


def main() -> int:
    """Read the options, measure or check, and write the tables into the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mnist", type=Path, required=True, help="MNIST's mnist.npz")
    parser.add_argument("--photographs", type=Path, required=True, help="a folder of classes")
    parser.add_argument("--weights", type=Path, required=True, help="VGG16's, of ImageNet")
    names = tuple(dict.fromkeys(row.table for row in list_rows()))
    parser.add_argument("--tables", nargs="+", choices=names, default=names)
    parser.add_argument("--resume", action="store_true", help="keep the rows that are there")
    parser.add_argument("--check", type=int, metavar="N", help="measure N rows of each again")
    parser.add_argument("--draw", type=int, default=0, help="the seed that draws them")
    options = parser.parse_args()
    sources = Sources(options.mnist, options.photographs, options.weights)
    rows = [row for row in list_rows() if row.table in options.tables]
    if options.check:
        return check_rows(rows, sources, options.check, options.draw)
    known = read_rows()
    for number, row in enumerate(rows, 1):
        if not (options.resume and row in known):
            known[row] = measure(row, sources)
            write_rows(known)
        print(f"{number}/{len(rows)}  {row}  {known[row]}", flush=True)
    write_tables(known)
    return 0


def check_rows(rows: Sequence[Row], sources: Sources, count: int, seed: int) -> int:
    """Measure rows drawn by lot from each table again; returns 1 if one differs."""
    known, code = read_rows(), 0
    by_table = defaultdict(list)
    for row in rows:
        by_table[row.table].append(row)
    for table in by_table.values():
        for row in random.Random(seed).sample(table, min(count, len(table))):
            result = measure(row, sources)
            verdict = "the same" if result == known.get(row) else f"was {known.get(row)}"
            code = max(code, int(verdict != "the same"))
            print(f"{row}  {result}: {verdict}", flush=True)
    return code


def read_rows() -> Measured:
    """Read the rows that were measured before."""
    if not ROWS.is_file():
        return {}
    with ROWS.open(encoding="utf-8", newline="") as stream:
        return {_parse(Row, line): _parse(Result, line) for line in csv.DictReader(stream)}


def _parse(kind: type, line: Mapping[str, str]) -> Any:
    kinds = {int: int, float: float}
    values = {f.name: kinds.get(f.type, str)(line[f.name]) for f in fields(kind)}
    return kind(**values)


def write_rows(measured: Measured) -> None:
    """Write all rows in the order of the tables."""
    columns = [field.name for kind in (Row, Result) for field in fields(kind)]
    lines = ({**asdict(row), **asdict(measured[row])} for row in list_rows() if row in measured)
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    write_text(ROWS, format_csv(columns, ([line[name] for name in columns] for line in lines)))


def write_tables(measured: Measured) -> None:
    """Replace the tables of the page, which stand between comments with their names."""
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in make_tables(measured):
        marks = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = "\n".join([marks[0], "", *lines, "", marks[1]])
        page, found = re.subn(f"{marks[0]}.*?{marks[1]}", lambda _, t=text: t, page, flags=re.S)
        if not found:
            raise ValueError(f"{PAGE} lacks {marks[0]} ... {marks[1]}.")
    write_text(PAGE, page)


def make_tables(measured: Measured) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the lines of each table of the page."""
    rows = [row for row in list_rows() if row in measured]
    mnist = [row for row in rows if row.table == "mnist"]
    body = [[_name(row), _cell(measured, [row]), measured[row].layers or "–"] for row in mnist]
    yield "mnist", _format(["network", "test accuracy, %", "the top reads"], body)
    for data in ("digits", "photographs"):
        few = [row for row in rows if (row.table, row.data) == ("images", data)]
        yield f"images {data}", _cross(measured, few, "shots", "images per class")
        sides = [row for row in rows if (row.table, row.data) == ("pixels", data)]
        yield f"pixels {data}", _cross(measured, sides, "side", "pixels")


def _cross(measured: Measured, rows: Sequence[Row], key: str, heading: str) -> list[str]:
    """Return a table with a line for each value of a key and a column for each method."""
    values = sorted({getattr(row, key) for row in rows})
    methods = list(dict.fromkeys(row.method for row in rows))
    body = []
    for value in values:
        line = [str(value)]
        for method in methods:
            cell = [row for row in rows if row.method == method and getattr(row, key) == value]
            line.append(_cell(measured, cell))
            if method in TRANSFER[1:3]:
                line[-1] += f"<br>{', '.join(sorted({measured[row].layers for row in cell}))}"
        body.append(line)
    return _format([heading, *methods], body)


def _cell(measured: Measured, rows: Sequence[Row]) -> str:
    """Return the mean over seeds with the lowest and the highest end of their intervals."""
    results = [measured[row] for row in rows]
    mean = sum(result.accuracy for result in results) / len(results)
    low, high = min(each.low for each in results), max(each.high for each in results)
    digits = 2 if min(each.test_images for each in results) >= 10_000 else 1
    number = f"{{:.{digits}f}}".format
    return f"{number(100 * mean)} ({number(100 * low)} to {number(100 * high)})"


def _name(row: Row) -> str:
    return {"cnn": "a CNN from nothing"}.get(row.method, f"VGG16, {row.method}")


def _format(heading: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    lines = [heading, ["---"] * len(heading), *body]
    return [f"| {' | '.join(line)} |" for line in lines]


if __name__ == "__main__":
    sys.exit(main())

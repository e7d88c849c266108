"""Requests a second and latencies of `serve` against a FastAPI route that calls `model.predict`.

    python -m benchmarks.load --run results/vgg16

Both get the same picture, of the network's size, over connections that are kept open, from one
asyncio client; in turns, at each number of connections. `--wrk` uses wrk instead.
"""

import argparse
import asyncio
import io
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.processes import ROOT
from benchmarks.tables import report
from framework.inference.run_summary import RunSummary, read_summary


def find_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def run_server(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, from when it answers until the end of the body."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


def make_request(summary: RunSummary) -> bytes:
    """Return a request with a picture of the network's size."""
    rows, columns, _ = summary.config.data_config.image_shape.as_tuple
    pixels = np.random.default_rng(0).integers(0, 256, (rows, columns), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    body = stream.getvalue()
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def ask(
    port: int, request: bytes, end: float, seconds: list[float], statuses: Counter[str]
) -> None:
    """Send a request again and again over one connection, opened again when it was closed."""
    writer = None
    while time.perf_counter() < end:
        started = time.perf_counter()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = re.search(r"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError):
            statuses["lost"] += 1
            writer = None
            continue
        status = head.split(maxsplit=2)[1]
        statuses[status] += 1
        if status == "200":
            seconds.append(time.perf_counter() - started)
        else:
            await asyncio.sleep(0.05)
        if "connection: close" in head:
            writer.close()
            writer = None
    if writer is not None:
        writer.close()


def send_load(port: int, request: bytes, connections: int, duration: float) -> dict[str, Any]:
    """Send requests over some connections for some seconds."""
    seconds: list[float] = []
    statuses: Counter[str] = Counter()

    async def run() -> None:
        end = time.perf_counter() + duration
        await asyncio.gather(
            *(ask(port, request, end, seconds, statuses) for _ in range(connections))
        )

    asyncio.run(run())
    quantiles = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [float("nan")] * 99
    others = {status: count for status, count in statuses.items() if status != "200"}
    return {
        "requests/s": len(seconds) / duration,
        "median, ms": 1000 * quantiles[49],
        "99 %, ms": 1000 * quantiles[98],
        "other answers": str(others) if others else "",
    }


def send_load_by_wrk(
    port: int, request: bytes, connections: int, duration: float
) -> dict[str, Any]:
    """Send requests by wrk."""
    body = request.partition(b"\r\n\r\n")[2]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "post.lua")
        text = "".join(f"\\{byte:03d}" for byte in body)
        script.write_text(f'wrk.method = "POST"\nwrk.body = "{text}"\n')
        options = [f"-c{connections}", f"-d{duration:.0f}", "-s", str(script), "--timeout=30"]
        said = subprocess.run(
            ["wrk", "-t1", "--latency", *options, f"http://127.0.0.1:{port}/predict"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found = {key: re.search(rf"{key}\s+([\d.]+)(us|ms|s)", said) for key in ("50%", "99%")}
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    others = re.search(r"Non-2xx or 3xx responses: \d+", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    milliseconds = {
        key: float(match[1]) * scale[match[2]] if match else float("nan")
        for key, match in found.items()
    }
    return {
        "requests/s": float(rate[1]) if rate else float("nan"),
        "median, ms": milliseconds["50%"],
        "99 %, ms": milliseconds["99%"],
        "other answers": others[0] if others else "",
    }


def read_memory(process: subprocess.Popen[bytes]) -> float:
    """Return the peak resident memory of a process in MB; Linux only."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


def main() -> None:
    """Read the options, measure, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64, 512])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--wrk", action="store_true", help="use wrk as the client")
    options = parser.parse_args()
    if options.wrk and shutil.which("wrk") is None:
        parser.error("--wrk: there is no wrk")
    send = send_load_by_wrk if options.wrk else send_load
    summary = read_summary(options.run)
    request = make_request(summary)
    ports = {"serve": find_port(), "model.predict": find_port()}
    program = [sys.executable, "run.py", "serve", "--run", str(summary.run), "--frame", "no"]
    plain = [sys.executable, "-m", "benchmarks.plain_server", str(summary.run / "model.keras")]
    rows = []
    with (
        run_server([*program, "--port", str(ports["serve"])], ports["serve"]) as process,
        run_server([*plain, str(ports["model.predict"])], ports["model.predict"]),
    ):
        for port in ports.values():
            send(port, request, 1, 3)
        for connections in options.connections:
            measured = {
                name: send(port, request, connections, options.seconds)
                for name, port in ports.items()
            }
            base = measured["model.predict"]["requests/s"]
            for name, row in measured.items():
                ratio = row["requests/s"] / base if base else float("nan")
                rows.append({"connections": connections, "server": name, **row, "ratio": ratio})
        memory = read_memory(process)
    client = "wrk" if options.wrk else "an asyncio client"
    report(
        "load",
        rows,
        f"{summary.subject}; {client} on the same machine, {options.seconds:.0f} s each; serve "
        f"had {memory:.0f} MB of memory at most.",
    )


if __name__ == "__main__":
    main()

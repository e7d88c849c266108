"""What the drawing page costs: a served prediction, and the time until the page is seen.

    python -m benchmarks.serving calls --run results/vgg16
    python -m benchmarks.serving paint --run results/vgg16
    python -m benchmarks.serving strokes --run results/vgg16

`calls`: a prediction served by the page against a bare call of the model. Both are given the same
drawing of one digit, in turns, so that a busy machine slows both. `paint`: seconds from the start
of `run.py draw` to the address on the console and to the first contentful paint in Chromium.
`strokes`: milliseconds from the end of a stroke until the answer to it stands, while up to five
characters are on the canvas.
"""

import argparse
import http.client
import io
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import uvicorn
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright

from benchmarks.tables import report
from framework.data.images import match_channels
from framework.inference.app.application import build_app
from framework.inference.app.predictor import Predictor
from framework.inference.app.server import LOCAL
from framework.inference.picture_reader import PictureReader
from framework.inference.trained_classifier import TrainedClassifier, load_classifier
from tests.helpers.browsers import launch_browser


def draw_one(size: tuple[int, int]) -> Image.Image:
    """Return a seven, as the page's canvas sends it."""
    page = Image.new("L", size, 255)
    ImageDraw.Draw(page).line([(60, 60), (180, 60), (110, 280)], fill=0, width=20, joint="curve")
    return page


def prepare(trained: TrainedClassifier, drawing: Image.Image) -> np.ndarray:
    """Return the batch of one image that the page gives to the network; float32 in [0, 255]."""
    image = PictureReader(trained).prepare(drawing).single
    return match_channels(image[np.newaxis], trained.image_shape[-1]).astype(np.float32)


def serve(trained: TrainedClassifier) -> tuple[uvicorn.Server, int]:
    """Serve the page in a thread; return the server and its port."""
    reader: Future[PictureReader] = Future()
    reader.set_result(PictureReader(trained))
    app = build_app(trained, Predictor(reader))
    server = uvicorn.Server(uvicorn.Config(app, host=LOCAL, port=0, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return server, server.servers[0].sockets[0].getsockname()[1]


def time_call(call: Callable[[], object]) -> float:
    """Return the milliseconds that a call takes."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def measure_calls(options: argparse.Namespace) -> None:
    """Compare served predictions with bare calls of the model."""
    trained = load_classifier(options.run)
    drawing = draw_one((1200, 340))
    stream = io.BytesIO()
    drawing.save(stream, "PNG")
    content, batch = stream.getvalue(), prepare(trained, drawing)
    model = trained.classifier.model
    server, port = serve(trained)
    connection = http.client.HTTPConnection(LOCAL, port)

    def ask() -> None:
        connection.request("POST", "/read", content)
        response = connection.getresponse()
        response.read()
        assert response.status == http.HTTPStatus.OK

    calls: dict[str, Callable[[], object]] = {
        "bare model(x)": lambda: model(batch, training=False).numpy(),
        "served prediction": ask,
    }
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.repeats):
        for name, call in calls.items():
            times[name].append(time_call(call))
    connection.close()
    server.should_exit = True
    bare = statistics.median(times["bare model(x)"])
    rows = [
        {
            "call": name,
            "ms": statistics.median(values),
            "times a bare call": statistics.median(values) / bare,
        }
        for name, values in times.items()
    ]
    notes = f"{trained.subject}; medians of {options.repeats} calls in turns."
    report("serving", rows, notes)


def measure_paint(options: argparse.Namespace) -> None:
    """Time starts of the drawing page."""
    with sync_playwright() as playwright:
        browser = launch_browser(playwright)
        if browser is None:
            raise SystemExit("no Chromium was found")
        starts = [time_paint(browser, options.run) for _ in range(options.repeats)]
    names = ("address on the console", "first contentful paint")
    rows = [
        {"until": name, "median (s)": statistics.median(values), "slowest (s)": max(values)}
        for name, values in zip(names, zip(*starts, strict=True), strict=True)
    ]
    notes = f"{options.run}; {options.repeats} starts of `run.py draw`, the browser open before."
    report("first_paint", rows, notes)


def time_paint(browser: Browser, run: Path) -> tuple[float, float]:
    """Return the seconds from the start of the command to its address and to the first paint."""
    command = [sys.executable, "run.py", "draw", "--run", str(run), "--port", "0"]
    window = browser.new_page()
    start = time.time()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(
            found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line))
        )
        announced = time.time()
        window.goto(address)
        paint = "performance.getEntriesByName('first-contentful-paint')[0]"
        window.wait_for_function(paint)
        painted = window.evaluate(f"performance.timeOrigin + {paint}.startTime") / 1000
        process.send_signal(signal.SIGINT)
    window.close()
    return announced - start, painted - start


WATCH_ANSWERS = """() => {
  window.ended = window.answered = 0;
  canvas.addEventListener("pointerup", () => { window.ended = performance.now(); });
  const note = () => { window.answered = performance.now(); };
  new MutationObserver(note).observe(document.querySelector(".crops"), { childList: true });
}"""
# In CSS pixels, from where a stroke begins.
STROKE = ((60, 0), (60, 60), (10, 120), (10, 200), (80, 240))


def measure_strokes(options: argparse.Namespace) -> None:
    """Time the answers to strokes in Chromium."""
    trained = load_classifier(options.run)
    server, port = serve(trained)
    times = []
    with sync_playwright() as playwright:
        browser = launch_browser(playwright)
        if browser is None:
            raise SystemExit("no Chromium was found")
        window = browser.new_page(viewport={"width": 1300, "height": 900})
        window.goto(f"http://{LOCAL}:{port}")
        window.locator(".undo:disabled").wait_for()
        window.evaluate(WATCH_ANSWERS)
        box = window.locator("canvas").bounding_box()
        assert box is not None
        for number in range(options.repeats):
            if number and number % 5 == 0:
                window.locator(".clear").click()
                time.sleep(0.3)
            left, top = box["x"] + 80 + 200 * (number % 5), box["y"] + 60
            window.mouse.move(left, top)
            window.mouse.down()
            for right, down in STROKE:
                window.mouse.move(left + right, top + down, steps=6)
            window.mouse.up()
            window.wait_for_function("!asking && answered > ended")
            times.append(window.evaluate("answered - ended"))
        browser.close()
    server.should_exit = True
    rows = [{"median (ms)": statistics.median(times), "slowest (ms)": max(times)}]
    report("strokes", rows, f"{trained.subject}; {options.repeats} strokes.")


def main() -> None:
    """Measure what is asked for, and write it to `results/benchmarks/`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["calls", "paint", "strokes"])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--repeats", type=int, help="default: 100 calls, 5 starts, 40 strokes")
    options = parser.parse_args()
    options.repeats = options.repeats or {"calls": 100, "paint": 5, "strokes": 40}[options.what]
    commands = {"calls": measure_calls, "paint": measure_paint, "strokes": measure_strokes}
    commands[options.what](options)


if __name__ == "__main__":
    main()

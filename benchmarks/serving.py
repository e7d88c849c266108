"""A prediction served by the drawing page against a bare call of the model.

    python -m benchmarks.serving --run results/vgg16

Both are given the same drawing of one digit, in turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import io
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import uvicorn
from PIL import Image, ImageDraw

from benchmarks.tables import report
from framework.data.images import match_channels, prepare_image
from framework.inference.app.segmentation import find_characters
from framework.inference.app.server import HOST, build_app
from framework.inference.polarity import FRAMINGS
from framework.inference.trained_classifier import TrainedClassifier, load_classifier


def draw_one(size: tuple[int, int]) -> Image.Image:
    """Return a seven, as the page's canvas sends it."""
    page = Image.new("L", size, 255)
    ImageDraw.Draw(page).line([(60, 60), (180, 60), (110, 280)], fill=0, width=20, joint="curve")
    return page


def prepare(trained: TrainedClassifier, drawing: Image.Image) -> np.ndarray:
    """Return the batch of one image that the page gives to the network; float32 in [0, 255]."""
    (character,) = find_characters(drawing, FRAMINGS[trained.data_name])
    shape = trained.image_shape
    image = prepare_image(character, shape, trained.config.data_config.resize)
    return match_channels(image[np.newaxis], shape[-1]).astype(np.float32)


def serve(trained: TrainedClassifier) -> tuple[uvicorn.Server, str]:
    """Serve the page in a thread; returns the server and its address."""
    server = uvicorn.Server(
        uvicorn.Config(build_app(trained), host=HOST, port=0, log_level="error")
    )
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    return server, f"http://{HOST}:{port}"


def time_call(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--calls", type=int, default=100)
    options = parser.parse_args()

    trained = load_classifier(options.run)
    drawing = draw_one((1200, 340))
    stream = io.BytesIO()
    drawing.save(stream, "PNG")
    picture, batch = stream.getvalue(), prepare(trained, drawing)
    model = trained.classifier.model
    server, address = serve(trained)
    with httpx.Client(base_url=address) as client:
        calls: dict[str, Callable[[], object]] = {
            "bare model(x)": lambda: model(batch, training=False).numpy(),
            "served prediction": lambda: client.post("/read", content=picture).raise_for_status(),
        }
        for call in calls.values():
            call()
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(options.calls):
            for name, call in calls.items():
                times[name].append(time_call(call))
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
    notes = f"{trained.subject}; medians of {options.calls} calls in turns."
    report("serving", rows, notes)


if __name__ == "__main__":
    main()

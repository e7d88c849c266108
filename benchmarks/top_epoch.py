"""An epoch of the published top on stored vectors, against default `fit` on arrays.

    python -m benchmarks.top_epoch --images 60000

Both train the same top at batch 32 on the same random vectors of 512 numbers.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.tables import report
from framework.config.model import FeatureCache, TrainingConfig
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.features.feature_sources import Features
from framework.features.head import Head
from framework.features.model_split import split_model
from framework.features.pipeline import FeatureRequest, prepare_features
from framework.training.block_loop import BlockProgram, Blocks
from framework.training.execution import choose_execution
from framework.training.input_pipeline import draw_epoch
from framework.utils.seed import set_seed

BATCH_SIZE = 32
VECTOR = (1, 1, 512)  # What a frozen VGG16 gives for an image of 32x32.


def build_top() -> keras.Model:
    """Flatten, Dense 1000, Dense 10: the published top."""
    return keras.Sequential(
        [
            layers.Input(VECTOR),
            layers.Flatten(),
            layers.Dense(1000, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def store_vectors(count: int, directory: Path) -> Features:
    """Store random vectors: those of a frozen layer over tiny random images."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, 4, 4), dtype=np.uint8)
    images = Images(ArraySource(pixels, random.integers(0, 10, count)), np.arange(count), (4, 4, 3))
    image = keras.Input((4, 4, 3))
    frozen = layers.Conv2D(512, 4, trainable=False, name="frozen")
    scaled = layers.Rescaling(1 / 255)(image)
    model = keras.Model(image, build_top()(frozen(scaled)))
    settings = TrainingConfig(feature_cache=FeatureCache(directory=str(directory)))
    split = split_model(model, {"frozen"})
    return prepare_features(split, {"vectors": FeatureRequest(images)}, settings)["vectors"]


def time_fit(model: keras.Model, *data: Any, **options: Any) -> float:
    """Return seconds of the second of two epochs; the first one traces and compiles."""
    starts: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: starts.append(time.perf_counter())
    )
    callbacks = [clock, *options.pop("callbacks", [])]
    model.fit(*data, epochs=2, callbacks=callbacks, verbose=0, **options)
    return time.perf_counter() - starts[1]


def time_default(pixels: np.ndarray, labels: np.ndarray) -> float:
    """Return seconds of an epoch as Keras runs it unasked, from arrays in memory."""
    model = build_top()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return time_fit(model, pixels, labels, batch_size=BATCH_SIZE)


def time_stored(features: Features) -> float:
    """Return seconds of an epoch as the framework runs it, from the store."""
    top = build_top()
    model = Head(top.inputs, top.outputs)
    execution = choose_execution(model, [], features.specs, BATCH_SIZE)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=True)
    blocks = Blocks(features, BATCH_SIZE * execution.batches_per_block)
    program = BlockProgram(model, BATCH_SIZE)
    start = 0.0
    for epoch in range(2):
        start = time.perf_counter()
        for block in blocks.stream(*draw_epoch(epoch, len(features.images), 1, seed=0)):
            program.train(block)
        program.read_metrics()
    return time.perf_counter() - start


def main() -> None:
    """Read the options, measure turn by turn, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    set_seed(0, "training")  # As every run does.
    with tempfile.TemporaryDirectory() as directory:
        features = store_vectors(options.images, Path(directory))
        vectors = np.concatenate([block for (block,) in features.stream(np.arange(options.images))])
        labels = features.images.labels
        turns = [
            (time_default(vectors, labels), time_stored(features)) for _ in range(options.repeat)
        ]
    default, stored = (statistics.median(seconds) for seconds in zip(*turns, strict=True))
    rows = [
        {"epoch": "default fit, arrays in memory", "s": default, "times faster": 1.0},
        {
            "epoch": "this project, stored features",
            "s": stored,
            "times faster": statistics.median(slow / fast for slow, fast in turns),
        },
    ]
    notes = (
        f"Published top, {options.images:,} vectors of 512, batch {BATCH_SIZE}: seconds of the "
        f"second epoch, medians of {options.repeat} turns."
    )
    report("top_epoch", rows, notes)


if __name__ == "__main__":
    main()

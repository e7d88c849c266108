"""The formats that a classifier is exported to, and how each is loaded again."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from framework.inference.trained_classifier import TrainedClassifier
from framework.models.classifier import save_classifier

INPUT_NAME = "image"

# What images come in: numbers in [0, 255] either way.
Dtype = Literal["float32", "uint8"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Args:
        file_name: What the model is called in an export.
        write: Writes the model, taking images of the given dtype at least.
        packages: What writing and checking it needs besides TensorFlow: import name ->
            name on the package index.
        load: Python that loads the file `{file}`, in two lines.
        call: Python that turns `images` into `probabilities`, in one line.
        takes_all: Whether an export takes images of every dtype; else of one.
    """

    file_name: str
    write: Callable[[TrainedClassifier, Path, Dtype], None]
    packages: Mapping[str, str]
    load: str
    call: str
    takes_all: bool = False

    def list_dtypes(self, wanted: Dtype) -> tuple[Dtype, ...]:
        """Return the dtypes of the images that an export takes, if `wanted` was asked for."""
        return DTYPES if self.takes_all else (wanted,)


def _write_keras(trained: TrainedClassifier, path: Path, dtype: Dtype) -> None:
    save_classifier(trained.classifier, path)


def _write_saved_model(trained: TrainedClassifier, path: Path, dtype: Dtype) -> None:
    """Write a SavedModel with a signature for each dtype, and `serve`, which takes them all."""
    model = trained.classifier.model
    module = tf.Module()
    module.model = model  # Brings the weights along.
    module.serve = tf.function(lambda image: model(image, training=False))
    by_dtype = {
        dtype: module.serve.get_concrete_function(
            tf.TensorSpec(model.input_shape, dtype, name=INPUT_NAME)
        )
        for dtype in DTYPES
    }
    signatures = {"serving_default": by_dtype["float32"], "serve_uint8": by_dtype["uint8"]}
    with _keep_quiet():
        tf.saved_model.save(module, path, signatures)
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "class_names.json").write_text(json.dumps(trained.class_names), encoding="utf-8")


def _write_onnx(trained: TrainedClassifier, path: Path, dtype: Dtype) -> None:
    import onnx

    _export(trained, path, dtype, "onnx")
    model = onnx.load(path)
    names = model.metadata_props.add()
    names.key, names.value = "class_names", json.dumps(trained.class_names)
    onnx.save(model, path)


def _write_litert(trained: TrainedClassifier, path: Path, dtype: Dtype) -> None:
    _export(trained, path, dtype, "litert")


def write_quantized(
    trained: TrainedClassifier, path: Path, dtype: Dtype, images: np.ndarray
) -> None:
    """Write a LiteRT file that computes with 8-bit integers inside.

    Args:
        trained: The classifier.
        path: The `.tflite` file.
        dtype: What it takes.
        images: `(n, rows, columns, channels)` float32 in [0, 255], training images from
            which the ranges of the activations are taken.
    """

    def calibrate() -> Iterator[list[np.ndarray]]:
        for image in images:
            yield [image[np.newaxis].astype(dtype)]

    _export(
        trained,
        path,
        dtype,
        "litert",
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=calibrate,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    )


def _export(
    trained: TrainedClassifier, path: Path, dtype: Dtype, name: str, **options: Any
) -> None:
    model = trained.classifier.model
    signature = [keras.InputSpec(shape=model.input_shape, dtype=dtype, name=INPUT_NAME)]
    with _keep_quiet():
        model.export(str(path), format=name, input_signature=signature, verbose=False, **options)


@contextmanager
def _keep_quiet() -> Iterator[None]:
    """Let the body convert a model without a word that is of no use to the user."""
    handlers = list(logging.root.handlers)
    with warnings.catch_warnings():
        # tf2onnx asks NumPy for names that it no longer has, and does without them.
        warnings.simplefilter("ignore", FutureWarning)
        yield
    # The converters start logging for the whole process, and would say everything twice.
    logging.root.handlers[:] = handlers


FORMATS: Mapping[str, Format] = {
    "keras": Format(
        "model.keras",
        _write_keras,
        {},
        'import keras\nmodel = keras.models.load_model("{file}")',
        "probabilities = model.predict(images, verbose=0)",
        takes_all=True,
    ),
    "saved_model": Format(
        "saved_model",
        _write_saved_model,
        {},
        'import tensorflow as tf\nmodel = tf.saved_model.load("{file}")',
        "probabilities = model.serve(images).numpy()",
        takes_all=True,
    ),
    "onnx": Format(
        "model.onnx",
        _write_onnx,
        {"tf2onnx": "tf2onnx", "onnx": "onnx", "onnxruntime": "onnxruntime"},
        'import onnxruntime\nmodel = onnxruntime.InferenceSession("{file}")',
        'probabilities = model.run(None, {"image": images})[0]',
    ),
    "litert": Format(
        "model.tflite",
        _write_litert,
        {"ai_edge_litert": "ai-edge-litert"},
        "from ai_edge_litert.interpreter import Interpreter\n"
        'model = Interpreter("{file}").get_signature_runner()',
        'probabilities = model(image=images)["output_0"]',
    ),
}

"""The formats that a classifier is exported to, and how each is loaded again."""

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

from framework.config.suggestions import format_hint
from framework.errors import RunError, UsageError
from framework.inference.export.onnx_file import write_onnx_file
from framework.inference.trained_classifier import TrainedClassifier
from framework.models.classifier import save_classifier
from framework.utils.optional_dependencies import require_packages

INPUT_NAME = "image"

# Of the images, in [0, 255] either way.
Dtype = Literal["float32", "uint8"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Args:
        file_name: The model's file in an export.
        write: Writes the model, for images of at least the given dtype.
        packages: What is needed besides TensorFlow: import name -> name on the package index.
        load: Python that loads the file `{file}`, in two lines.
        call: Python that turns `images` into `probabilities`, in one line.
        takes_all: Whether an export takes images of every dtype, or of one.
    """

    file_name: str
    write: Callable[[TrainedClassifier, Path, Dtype], None]
    packages: Mapping[str, str]
    load: str
    call: str
    takes_all: bool = False

    def list_dtypes(self, wanted: Dtype) -> tuple[Dtype, ...]:
        """Return the dtypes of the images that an export takes, at least `wanted`."""
        return DTYPES if self.takes_all else (wanted,)


def _write_saved_model(trained: TrainedClassifier, path: Path, dtype: Dtype) -> None:
    """Write a SavedModel with a signature for each dtype, and `serve`, which takes any."""
    model = trained.classifier.model
    module = tf.Module()
    module.model = model  # So that the weights are saved.
    module.serve = tf.function(lambda image: model(image, training=False))
    by_dtype = {
        dtype: module.serve.get_concrete_function(
            tf.TensorSpec(model.input_shape, dtype, name=INPUT_NAME)
        )
        for dtype in DTYPES
    }
    signatures = {"serving_default": by_dtype["float32"], "serve_uint8": by_dtype["uint8"]}
    with _quiet_conversion():
        tf.saved_model.save(module, path, signatures)
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "class_names.json").write_text(
        json.dumps({"class_names": trained.class_names}), encoding="utf-8"
    )


def _refuse_antialiasing(model: keras.Model, name: str) -> None:
    """Raise a `RunError` if a network shrinks images as a format has no operation for."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Resizing) and layer.antialias:
            rows, columns = layer.output.shape[1:3]
            raise RunError(
                f"{name} has no operation for the backbone's anti-aliased resizing. Train with "
                f"data_config.image_shape of {rows}x{columns}, which it resizes to, or export to "
                "saved_model or keras."
            )


def _write_onnx(trained: TrainedClassifier, path: Path, dtype: Dtype) -> None:
    _refuse_antialiasing(trained.classifier.model, "ONNX")
    with _quiet_conversion():
        write_onnx_file(trained.classifier.model, path, INPUT_NAME, dtype, trained.class_names)


def write_quantized(
    trained: TrainedClassifier, path: Path, dtype: Dtype, images: np.ndarray
) -> None:
    """Write a LiteRT file that computes with 8-bit integers.

    Args:
        trained: The classifier.
        path: The `.tflite` file.
        dtype: Of the images that the file takes.
        images: `(n, rows, columns, channels)` float32 in [0, 255], training images to
            calibrate the ranges of the activations with.
    """
    _write_litert(
        trained,
        path,
        dtype,
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: ([image[np.newaxis].astype(dtype)] for image in images),
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    )


def _write_litert(trained: TrainedClassifier, path: Path, dtype: Dtype, **options: Any) -> None:
    model = trained.classifier.model
    _refuse_antialiasing(model, "LiteRT")
    signature = [keras.InputSpec(shape=model.input_shape, dtype=dtype, name=INPUT_NAME)]
    with _quiet_conversion():
        model.export(
            str(path), format="litert", input_signature=signature, verbose=False, **options
        )


@contextmanager
def _quiet_conversion() -> Iterator[None]:
    """Convert a model in the body without messages that do not help users."""
    handlers = list(logging.root.handlers)
    with warnings.catch_warnings():
        # tf2onnx tries names that NumPy has dropped, and works without them.
        warnings.simplefilter("ignore", FutureWarning)
        yield
    # The converters set up logging for the whole process, which would print messages twice.
    logging.root.handlers[:] = handlers


FORMATS: Mapping[str, Format] = {
    "keras": Format(
        "model.keras",
        lambda trained, path, dtype: save_classifier(trained.classifier, path),
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

ALIASES = {"tflite": "litert"}
"""Other names of formats: LiteRT was called TensorFlow Lite."""


def find_format(name: str) -> Format:
    """Return the format of a name, whose packages are installed.

    Raises:
        UsageError: There is none.
        RunError: A package is missing.
    """
    if name not in FORMATS:
        hint = format_hint(name, FORMATS, f"There are {', '.join(FORMATS)}.")
        raise UsageError(f"There is no format {name!r}. {hint}")
    form = FORMATS[name]
    require_packages(f"Exporting to {name}", form.packages, "export")
    return form

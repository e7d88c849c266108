"""Images a second through a frozen VGG16: the extractor against other runtimes.

    python -m benchmarks.extraction --images 1024

ONNX Runtime (with tf2onnx), OpenVINO and PyTorch are measured where they are installed;
the framework needs none of them. All runtimes compute the same network on the same images.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.tables import report
from framework.data.images import Images
from framework.data.source import ArraySource
from framework.features.extractor import Extractor
from framework.features.half_precision import convert_model

SHAPE = (32, 32, 3)
# Multiplications and additions of VGG16 for an image of 32x32, from its layers' shapes.
VGG16_FLOP = 0.626e9
MATRIX = 4096

Forward = Callable[[np.ndarray], Any]


def build_network() -> keras.Model:
    """VGG16 with random weights on pixels in [0, 255]."""
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    network = keras.applications.VGG16(include_top=False, weights=None, input_tensor=scaled)
    network(keras.ops.zeros((1, *SHAPE)))  # Keras exports only what has been called.
    return network


def build_keras(network: keras.Model) -> Forward:
    """Return what `Model.predict` does, without its input pipeline."""
    return network.predict_on_batch


def build_xla(network: keras.Model) -> Forward:
    """TensorFlow, compiled by XLA."""
    return tf.function(lambda batch: network(batch, training=False), jit_compile=True)


def build_onnx(network: keras.Model) -> Forward:
    """ONNX Runtime on the exported network."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        network.export(path, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})


def build_openvino(network: keras.Model, precision: str = "f32") -> Forward:
    """OpenVINO on the exported network; left alone it would choose bfloat16 where it can."""
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        options = {"INFERENCE_PRECISION_HINT": precision}
        compiled = openvino.compile_model(openvino.convert_model(folder), "CPU", options)
    return lambda batch: compiled(batch)


def build_torch(network: keras.Model) -> Forward:
    """Return the same convolutions in PyTorch, channels first."""
    import torch

    layers: list[Any] = []
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = (torch.tensor(weight.numpy()) for weight in layer.weights)
            convolution = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
            convolution.weight.data = kernel.permute(3, 2, 0, 1).contiguous()
            convolution.bias.data = bias
            layers += [convolution, torch.nn.ReLU()]
        elif isinstance(layer, keras.layers.MaxPooling2D):
            layers.append(torch.nn.MaxPool2d(2))
    model = torch.nn.Sequential(*layers).eval()

    def forward(batch: np.ndarray) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(batch / 127.5 - 1).permute(0, 3, 1, 2))

    return forward


# The package that each alternative needs, and how to build it.
ALTERNATIVES: Mapping[str, tuple[str, Callable[[keras.Model], Forward]]] = {
    "Keras predict": ("keras", build_keras),
    "TensorFlow with XLA": ("tensorflow", build_xla),
    "ONNX Runtime": ("onnxruntime", build_onnx),
    "OpenVINO": ("openvino", build_openvino),
    "OpenVINO, bfloat16": ("openvino", partial(build_openvino, precision="bf16")),
    "PyTorch": ("torch", build_torch),
}


def time_extractor(extractor: Extractor, images: Images) -> float:
    """Return images a second, reading and resizing included, as in a run."""
    start = time.perf_counter()
    for _ in extractor.stream(images, np.arange(len(images)), view=0):
        pass
    return len(images) / (time.perf_counter() - start)


def time_forward(forward: Forward, pixels: np.ndarray, batch_size: int) -> float:
    """Return images a second of the bare forward pass on pixels in memory."""
    start = time.perf_counter()
    for first in range(0, len(pixels), batch_size):
        forward(pixels[first : first + batch_size])
    return len(pixels) / (time.perf_counter() - start)


def time_matrix_product() -> float:
    """Floating-point operations a second of a large float32 matrix product."""
    matrix = tf.random.normal((MATRIX, MATRIX))
    start = time.perf_counter()
    tf.matmul(matrix, matrix).numpy()
    return 2 * MATRIX**3 / (time.perf_counter() - start)


def measure(images: Images, repeat: int) -> tuple[dict[str, list[float]], list[float]]:
    """Return images a second of each runtime, turn by turn, and the matrix product's rates."""
    network = build_network()
    extractors = {
        "this project": Extractor(network),
        "this project, bfloat16": Extractor(convert_model(network, "bfloat16")),
    }
    extractor = extractors["this project"]
    pixels = images.read(np.arange(len(images)))
    batch_size = extractor.batch_size
    forwards = {
        title: build(network)
        for title, (package, build) in ALTERNATIVES.items()
        if importlib.util.find_spec(package)
    }
    for forward in forwards.values():
        forward(pixels[:batch_size])
    for each in extractors.values():
        each.measure_rate()
    rates: dict[str, list[float]] = {title: [] for title in (*extractors, *forwards)}
    products = []
    for _ in range(repeat):
        for title, each in extractors.items():
            rates[title].append(time_extractor(each, images))
        for title, forward in forwards.items():
            rates[title].append(time_forward(forward, pixels, batch_size))
        products.append(time_matrix_product())
    return rates, products


def main() -> None:
    """Read the options, measure turn by turn, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (options.images, 28, 28), dtype=np.uint8)
    source = ArraySource(pixels, np.zeros(options.images, np.int64))
    images = Images(source, np.arange(options.images), SHAPE)
    rates, products = measure(images, options.repeat)
    rows = [
        {
            "runtime": title,
            "images/s": statistics.median(measured),
            "of this project": statistics.median(
                rate / own for rate, own in zip(measured, rates["this project"], strict=True)
            ),
            "of the matrix product's rate": statistics.median(
                rate * VGG16_FLOP / product
                for rate, product in zip(measured, products, strict=True)
            ),
        }
        for title, measured in rates.items()
    ]
    notes = (
        f"Frozen VGG16 at 32x32, {options.images:,} images, medians of {options.repeat} turns; "
        f"this project reads and resizes the images meanwhile. A {MATRIX}x{MATRIX} float32 "
        f"matrix product runs at {statistics.median(products) / 1e9:.0f} GFLOP/s."
    )
    report("extraction", rows, notes)


if __name__ == "__main__":
    main()

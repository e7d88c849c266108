"""ONNX files: whole, with the answers of the network, and converted without the weights."""

import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from framework.inference.export.onnx_file import MAX_CONSTANT, write_onnx_file


def make_network():
    """All kinds of weights, a tensor that is none, a call of a function, and an exact GELU."""
    inputs = keras.Input((12, 12, 3))
    normalized = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0])(inputs)
    maps = layers.Conv2D(16, 3)(normalized)
    maps = layers.BatchNormalization(beta_initializer="random_normal")(maps)
    maps = layers.DepthwiseConv2D(3)(layers.PReLU(shared_axes=[1, 2])(maps))
    maps = layers.Dropout(0.5)(layers.SeparableConv2D(24, 3)(maps))
    maps = layers.Conv2D(24, 3, groups=4, activation="gelu")(maps)
    flat = layers.LayerNormalization()(layers.Flatten()(maps))
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(flat))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_file_gives_the_networks_answers(dtype, tmp_path):
    network = make_network()
    path = tmp_path / "model.onnx"
    write_onnx_file(network, path, "image", dtype, ("a", "b", "c", "d"))
    images = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3)).astype(dtype)
    session = onnxruntime.InferenceSession(path)
    assert [(each.name, each.shape[1:]) for each in session.get_inputs()] == [
        ("image", [12, 12, 3])
    ]
    (found,) = session.run(None, {"image": images})
    assert found == pytest.approx(network.predict(images, verbose=0), abs=1e-6)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["class_names"]) == ["a", "b", "c", "d"]


def test_weights_are_constants_in_the_order_that_they_are_used_in(tmp_path):
    network = make_network()
    write_onnx_file(network, tmp_path / "model.onnx", "image", "float32", ("a", "b", "c", "d"))
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    large = [weight for weight in network.get_weights() if weight.size > MAX_CONSTANT]
    sums = sorted(
        float(np.abs(value).sum()) for value in constants.values() if value.size > MAX_CONSTANT
    )
    assert sums == pytest.approx(sorted(float(np.abs(weight).sum()) for weight in large), rel=1e-5)
    transposed = [node for node in model.graph.node if node.op_type == "Transpose"]
    assert not any(node.input[0] in constants for node in transposed)


def test_the_converter_never_sees_large_weights(tmp_path, monkeypatch):
    import tf2onnx

    def convert(*arguments, **options):
        converted = from_function(*arguments, **options)
        sizes.append(converted[0].ByteSize())
        return converted

    sizes = []
    from_function = tf2onnx.convert.from_function
    monkeypatch.setattr(tf2onnx.convert, "from_function", convert)
    inputs = keras.Input((100,))
    network = keras.Model(inputs, layers.Dense(2)(layers.Dense(5000)(inputs)))
    write_onnx_file(network, tmp_path / "model.onnx", "image", "float32", ("a", "b"))
    assert sizes[0] < 20_000 < 2_000_000 < (tmp_path / "model.onnx").stat().st_size

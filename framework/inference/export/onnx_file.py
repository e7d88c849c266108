"""ONNX files, converted without their weights, which are put in afterwards.

tf2onnx copies what it converts many times over: a network of 59 MB took 4.6 GB with its weights.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

MAX_CONSTANT = 128
"""Size of a weight that is converted as a constant: tf2onnx reads the values of some."""


def write_onnx_file(
    model: keras.Model, path: Path, input_name: str, dtype: str, class_names: tuple[str, ...]
) -> None:
    """Write a classifier as an ONNX file whose metadata has `class_names`, as a JSON list.

    Args:
        model: From images to probabilities.
        path: The file.
        input_name: What the file calls the images.
        dtype: Of the images.
        class_names: In the order of the probabilities.
    """
    import onnx
    import tf2onnx

    values = [each.numpy() for each in (*model.trainable_variables, *model.non_trainable_variables)]
    large = {f"weight_{k}": each for k, each in enumerate(values) if each.size > MAX_CONSTANT}

    @tf.function(
        input_signature=[
            tf.TensorSpec(model.input_shape, dtype, name=input_name),
            *(tf.TensorSpec(each.shape, each.dtype, name=name) for name, each in large.items()),
        ]
    )
    def predict(image: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        given = dict(zip(large, weights, strict=True))
        every = [given.get(f"weight_{k}", each) for k, each in enumerate(values)]
        middle = len(model.trainable_variables)
        outputs, _ = model.stateless_call(every[:middle], every[middle:], image, training=False)
        return outputs

    # Functions inside, such as Keras's grouped convolutions, become part of the graph: tf2onnx
    # knows no calls of functions.
    tf.config.run_functions_eagerly(True)
    try:
        graph = predict.get_concrete_function().graph
    finally:
        tf.config.run_functions_eagerly(False)
    # Tensors that a layer keeps besides its weights are inputs of the graph already.
    kept = {inside.name: outside.numpy() for outside, inside in graph.captures}
    converted, _ = tf2onnx.convert.from_function(
        predict, predict.input_signature, custom_op_handlers={"Erfc": (_convert_erfc, [])}
    )
    _put_in(converted.graph, large | kept)
    onnx.helper.set_model_props(converted, {"class_names": json.dumps(class_names)})
    onnx.save(converted, path)


def _convert_erfc(graph: Any, node: Any, name: str, arguments: Any) -> None:
    """Convert the operation of GELU that tf2onnx lacks: `erfc(x) = 1 - erf(x)`.

    Args:
        graph: tf2onnx's.
        node: TensorFlow's operation.
        name: Of the operation.
        arguments: None.
    """
    (read,), (written,) = node.input, node.output
    dtype, shape = graph.get_dtype(written), graph.get_shape(written)
    graph.remove_node(node.name)
    one = graph.make_const(f"{name}/one", np.float32(1.0))
    erf = graph.make_node("Erf", [read], dtypes=[dtype], shapes=[shape])
    joined = [one.output[0], erf.output[0]]
    graph.make_node("Sub", joined, outputs=[written], dtypes=[dtype], shapes=[shape])


def _put_in(graph: Any, weights: dict[str, np.ndarray]) -> None:
    """Turn inputs of a graph into constants.

    Args:
        graph: An `onnx.GraphProto`.
        weights: The name of an input -> its value.
    """
    from onnx import numpy_helper

    inputs = [each for each in graph.input if each.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for name, value in weights.items():
        for constant, array in _transpose(graph, name, value):
            graph.initializer.append(numpy_helper.from_array(array, constant))


def _transpose(graph: Any, name: str, value: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Take out the transpositions of a weight, and yield what is left to be put in: name, value."""
    readers = [node for node in graph.node if name in node.input]
    for node in readers:
        if node.op_type == "Transpose":
            (order,) = (attribute.ints for attribute in node.attribute if attribute.name == "perm")
            graph.node.remove(node)
            yield node.output[0], np.ascontiguousarray(value.transpose(order))
    if any(node.op_type != "Transpose" for node in readers):
        yield name, value

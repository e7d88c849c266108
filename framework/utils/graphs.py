"""Functional models, joined again layer by layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common import global_state

Opener = Callable[[keras.Layer], Callable[..., Any] | None]
"""Returns what joins the layers that are in a layer, instead of it; `None`: the layer is joined."""


def rejoin_layers(
    model: keras.Model,
    tensor: keras.KerasTensor,
    open_layer: Opener,
    rename: Callable[[str], str] = str,
) -> Any:
    """Join a model's layers on another tensor; the model itself can't be used afterwards.

    Args:
        model: A functional or sequential model with one input.
        tensor: What its layers read instead of the input.
        open_layer: Opens layers and nested models.
        rename: Makes the new name of a layer.

    Returns:
        The outputs, in the model's own structure.
    """
    joined: set[keras.Layer] = set()

    def find(operation: keras.Operation) -> Any:
        if not isinstance(operation, keras.Layer):
            return type(operation).from_config(operation.get_config())
        if (opened := open_layer(operation)) is not None:
            return opened
        if operation not in joined:
            joined.add(operation)
            operation._inbound_nodes.clear()  # A layer that has been called twice has no `output`.
            operation.name = rename(operation.name)
        return operation

    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(tensor, operation_fn=find, call_fn=_call)


def _call(operation: Any, *arguments: Any, **options: Any) -> Any:
    return operation(*arguments, **options)


@contextmanager
def without_weights() -> Iterator[None]:
    """Have Keras build layers in the body whose weights are never made, for their shapes alone."""
    # A copy: Keras adds to the list itself.
    waiting = list(global_state.get_global_attribute("uninitialized_variables", []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", waiting)

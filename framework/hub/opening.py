"""Layers of KerasHub, opened: the blocks in them become layers of the graph."""

import inspect
import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import keras
from keras.src.backend import in_stateless_scope

from framework.utils.graphs import Opener

BLOCK_HOLDERS = (
    "ViTEncoder", "DINOV2Encoder", "DINOV3Encoder", "HGNetV2Encoder", "SwinTransformerStage",
)  # fmt: skip
"""Layers whose `call` does nothing but call others. That of DeiT is none of them: its blocks give
more than a tensor."""

ATTRIBUTES = {
    "drop_prob": "drop_prop",
    "sr_ratio": "attn.sr_ratio",
    "layer_norm_epsilon": "norm1.epsilon",
}
"""Arguments of layers -> the attributes that hold them, where these are called otherwise."""


def make_opener(network: keras.Model, shorten: Callable[[str], str]) -> Opener:
    """Return what opens the layers of a network of KerasHub.

    Args:
        network: Its layers get names that are unique: those in one of several holders begin with
            the holder's.
        shorten: Makes the new name of a layer.
    """
    several = sum(type(layer).__name__ in BLOCK_HOLDERS for layer in network.layers) > 1

    def open_layer(layer: keras.Layer) -> Callable[..., Any] | None:
        kind = type(layer).__name__
        if kind in BLOCK_HOLDERS:
            for inner in layer._flatten_layers(include_self=False, recursive=False):
                _correct_config(inner)
                inner.name = shorten(f"{layer.name}_{inner.name}" if several else inner.name)
            call: Callable[..., Any] = layer.call
            return call
        if kind == "PatchEmbedding":
            return lambda image: _embed_swin_patches(layer, image)
        if kind == "SigLIPVisionEmbedding":
            return lambda image, **_: _embed_siglip_patches(layer, image)
        _correct_config(layer)
        return None

    return open_layer


def _correct_config(layer: keras.Layer) -> None:
    """Have a layer describe itself by arguments that its class takes.

    In KerasHub 0.32 several layers don't, as only whole backbones are saved there.
    """
    if not type(layer).__module__.startswith("keras_hub."):
        return
    taken = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    described = keras.layers.Layer.get_config(layer)
    try:
        if taken.union(described).issuperset(layer.get_config()):
            return
    except AttributeError:
        pass
    for name in taken:
        described[name] = _read_argument(layer, name)
    layer.get_config = lambda: dict(described)


def _read_argument(layer: keras.Layer, name: str) -> Any:
    """Return an argument that a layer was made with."""
    if hasattr(layer, name):
        return getattr(layer, name)
    try:
        return attrgetter(ATTRIBUTES[name])(layer)
    except (KeyError, AttributeError) as error:
        kind = type(layer).__name__
        raise ValueError(f"KerasHub's {kind} can't be saved: its {name} is lost.") from error


def _embed_swin_patches(layer: Any, image: keras.KerasTensor) -> keras.KerasTensor:
    """Join what Swin's embedding does, whose own layer can't be saved in KerasHub 0.32."""
    maps = layer.proj(image)
    tokens = keras.layers.Reshape((-1, layer.embed_dim), name="patches")(maps)
    layer.norm.name = "patch_norm"
    return layer.norm(tokens) if layer.norm else tokens


def _embed_siglip_patches(layer: Any, image: keras.KerasTensor) -> keras.KerasTensor:
    """Join what SigLIP's embedding does, whose own layer tells a wrong shape in KerasHub 0.32."""
    import keras_hub

    maps = layer.patch_embedding(image)
    tokens = keras.layers.Reshape((-1, layer.hidden_dim), name="patches")(maps)
    positions = keras_hub.layers.PositionEmbedding(math.prod(maps.shape[1:3]), name="positions")
    embedded = positions(tokens)
    if not in_stateless_scope():  # Where there are no weights.
        positions.set_weights(layer.position_embedding.get_weights())
    return keras.layers.Add(name="embedding")([tokens, embedded])

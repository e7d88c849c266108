"""Layers of KerasHub, opened: the blocks in them become layers of the graph."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras.src.backend import in_stateless_scope

from framework.hub.saved_models import correct_config
from framework.utils.graphs import Opener

BLOCK_HOLDERS = (
    "ViTEncoder", "DINOV2Encoder", "DINOV3Encoder", "HGNetV2Encoder", "SwinTransformerStage",
)  # fmt: skip
"""Layers whose `call` does nothing but call others. That of DeiT is none of them: its blocks give
more than a tensor."""


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
                correct_config(inner)
                inner.name = shorten(f"{layer.name}_{inner.name}" if several else inner.name)
            call: Callable[..., Any] = layer.call
            if kind == "SwinTransformerStage" and layer.downsample is not None:
                return lambda tokens: _give_shape(layer, call(tokens))
            return call
        if kind == "PatchEmbedding":
            return lambda image: _embed_swin_patches(layer, image)
        if kind == "SigLIPVisionEmbedding":
            return lambda image, **_: _embed_siglip_patches(layer, image)
        correct_config(layer)
        return None

    return open_layer


def _give_shape(stage: Any, tokens: keras.KerasTensor) -> keras.KerasTensor:
    """Say how many tokens a stage of Swin gives, which its layer does not, in KerasHub 0.32."""
    shape = stage.compute_output_shape((None, None, None))[1:]
    return keras.layers.Reshape(shape, name=f"{stage.name}_tokens")(tokens)


def _embed_swin_patches(layer: Any, image: keras.KerasTensor) -> keras.KerasTensor:
    """Join what Swin's embedding does, whose own layer can't be saved in KerasHub 0.32."""
    maps = layer.proj(image)
    tokens = keras.layers.Reshape((-1, layer.embed_dim), name="patches")(maps)
    if layer.norm is None:
        return tokens
    layer.norm.name = "patch_norm"
    return layer.norm(tokens)


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

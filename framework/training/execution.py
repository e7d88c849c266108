"""How Keras runs a head: XLA and steps at once, which change no result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import keras

from framework.features.head import Head
from framework.features.store_entry import FeatureSpec, count_bytes_per_image

# Steps between two returns to Python if no callback needs single batches. With a dense top a
# step takes about a millisecond, so that Ctrl-C still works at once.
STEPS_AT_ONCE = 50

# Bytes of features in a block of batches whose steps are one program.
BLOCK_BYTES = 16 * 2**20

FASTER_BY_XLA = frozenset(
    """
    InputLayer Flatten Reshape Dense BatchNormalization LayerNormalization Rescaling
    Activation ReLU LeakyReLU ELU PReLU Softmax Add Average Concatenate Maximum Minimum
    Multiply Subtract GlobalAveragePooling2D GlobalMaxPooling2D
    """.split()
)


@dataclass(frozen=True)
class Execution:
    """Settings that change how fast a model trains, not what it learns.

    Args:
        jit_compile: As `compile` takes it.
        steps_per_execution: As `compile` takes it.
        batches_per_block: Batches whose steps are one program; see
            `framework.training.block_loop`. With 1 they are single batches.
    """

    jit_compile: bool | Literal["auto"] = "auto"
    steps_per_execution: int = 1
    batches_per_block: int = 1


def choose_execution(
    head: keras.Model,
    callbacks: Iterable[keras.callbacks.Callback],
    specs: Sequence[FeatureSpec],
    batch_size: int,
) -> Execution:
    """Choose XLA and many steps at once wherever they help; see docs/performance.md.

    Heads with convolutions are left to Keras: their steps are so long that several at
    once would gain nothing. Of the others, XLA compiles those whose layers were measured
    to be faster on CPUs with it; random numbers, as in Dropout, are slower.

    Args:
        head: The model to train, on one device.
        callbacks: Those that may need the events of single batches.
        specs: The features of an image that the head reads.
        batch_size: Images in a step of the optimizer.
    """
    kinds = {type(layer).__name__ for layer in head.layers}
    if any("Conv" in kind for kind in kinds):
        return Execution()
    by_xla = isinstance(head, Head) and kinds <= FASTER_BY_XLA
    if any(map(needs_batch_events, callbacks)):
        return Execution(by_xla)
    affordable = BLOCK_BYTES // (batch_size * count_bytes_per_image(specs))
    if by_xla and affordable > 1:
        return Execution(True, batches_per_block=min(STEPS_AT_ONCE, affordable))
    return Execution(by_xla, STEPS_AT_ONCE)


def needs_batch_events(callback: keras.callbacks.Callback) -> bool:
    """Return whether a callback, as it is configured, does something for single batches."""
    for frequency in ("save_freq", "update_freq"):
        if hasattr(callback, frequency):
            return bool(getattr(callback, frequency) != "epoch")
    base = keras.callbacks.Callback
    return any(
        getattr(type(callback), name) is not getattr(base, name)
        for name in ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    )

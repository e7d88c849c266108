"""How Keras is told to run a head: what is fastest and changes no meaning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import keras

from framework.features.cut import Head
from framework.training.devices import MirroredHead
from framework.training.divergence import DivergenceGuard
from framework.training.progress import ProgressReporter

# Steps between two returns to Python, where nobody waits for single batches. With a
# dense top a step takes about a millisecond, so that Ctrl-C is still heard at once.
STEPS_PER_EXECUTION = 50

FASTER_BY_XLA = frozenset(
    """
    InputLayer Flatten Reshape Dense BatchNormalization LayerNormalization Rescaling
    Activation ReLU LeakyReLU ELU PReLU Softmax Add Average Concatenate Maximum Minimum
    Multiply Subtract GlobalAveragePooling2D GlobalMaxPooling2D
    """.split()
)


@dataclass(frozen=True)
class Execution:
    """Arguments of `compile` that decide how fast a model runs, not what it learns."""

    jit_compile: bool | Literal["auto"]
    steps_per_execution: int


def choose_execution(head: keras.Model, callbacks: Iterable[keras.callbacks.Callback]) -> Execution:
    """Chooses XLA and many steps at once wherever they help; see docs/performance.md.

    Heads with convolutions are left to Keras: their steps are so long that several at
    once would gain nothing, and so are those that several devices share, for which Keras
    can't run several at once. Of the others, XLA gets those whose layers it was measured
    to make faster on CPUs; what draws random numbers, such as Dropout, it makes slower.

    Args:
        head: What will be trained.
        callbacks: Those that may care for single batches.
    """
    kinds = {type(layer).__name__ for layer in head.layers}
    if isinstance(head, MirroredHead) or any("Conv" in kind for kind in kinds):
        return Execution(jit_compile="auto", steps_per_execution=1)
    steps = 1 if any(map(heeds_batches, callbacks)) else STEPS_PER_EXECUTION
    by_xla = isinstance(head, Head) and kinds <= FASTER_BY_XLA
    return Execution(jit_compile=by_xla, steps_per_execution=steps)


def heeds_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback, as it is configured, does something for single batches."""
    if isinstance(callback, ProgressReporter | DivergenceGuard):
        return False  # They may hear of many batches at a time.
    for frequency in ("save_freq", "update_freq"):
        if hasattr(callback, frequency):
            return getattr(callback, frequency) != "epoch"
    base = keras.callbacks.Callback
    return any(
        getattr(type(callback), name) is not getattr(base, name)
        for name in ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    )

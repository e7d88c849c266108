"""The precision that Keras computes in."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def use_precision(policy: str) -> Iterator[None]:
    """Have Keras build the body's layers and models with a dtype policy.

    Models that are cut out of others take it too, and with it scale losses in float16.

    Args:
        policy: The config's `training_config.precision`.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

"""One seed for all random numbers of a run."""

from typing import Literal

import keras
import numpy as np
import tensorflow as tf

# One stream for each purpose, so that the draws of one never shift those of another.
STREAMS = ("backbone", "top", "training")


def set_seed(seed: int, stream: Literal["backbone", "top", "training"]) -> None:
    """Seed Python, NumPy and TensorFlow, and make TensorFlow's kernels repeatable.

    Args:
        seed: The config's `training_config.seed`.
        stream: What the random numbers are for.
    """
    sequence = np.random.SeedSequence([seed, STREAMS.index(stream)])
    keras.utils.set_random_seed(int(sequence.generate_state(1)[0]))
    tf.config.experimental.enable_op_determinism()

"""Repeatable augmentation of images by Keras's `ImageDataGenerator`.

`ImageDataGenerator` is deprecated and draws from NumPy's global state. This is
the only module that imports it, and it restores that state.
"""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

# Arguments that move pixels but do not change their values: equal channels stay equal, so
# that a gray image may be augmented first.
GEOMETRIC = frozenset(
    "rotation_range width_shift_range height_shift_range shear_range zoom_range horizontal_flip "
    "vertical_flip fill_mode cval interpolation_order".split()
)

_global_state_lock = threading.Lock()


@dataclass(frozen=True)
class Augmentation:
    """A repeatable random transformation of images.

    Args:
        arguments: Arguments of `ImageDataGenerator`, such as `{"rotation_range": 10}`.
        seed: Decides every draw, together with the view and the image's index.
    """

    arguments: Mapping[str, Any]
    seed: int

    @property
    def treats_channels_alike(self) -> bool:
        """Whether augmenting gray, then repeating it to RGB, gives the same pixels."""
        return GEOMETRIC.issuperset(self.arguments)

    @cached_property
    def _generator(self) -> Any:
        import tensorflow as tf

        # Keras distinguishes ranges from choices by `list`.
        arguments = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.arguments.items()
        }
        return tf.keras.preprocessing.image.ImageDataGenerator(**arguments)

    def apply(self, images: np.ndarray, indices: np.ndarray, view: int) -> np.ndarray:
        """Transform images.

        Args:
            images: `(k, rows, columns, channels)` float32 in [0, 255].
            indices: `(k,)` int64, the images' positions in their source.
            view: Number of the augmented set, from 1.

        Returns:
            `(k, rows, columns, channels)` float32 in [0, 255].
        """
        transforms = self._draw(images.shape[1:], indices, view)
        result = np.empty_like(images)

        def transform(position: int) -> None:
            result[position] = self._generator.apply_transform(
                images[position], transforms[position]
            )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(transform, range(len(images))))
        # Cubic interpolation and brightness may exceed the range of an image.
        return np.clip(result, 0.0, 255.0, out=result)

    def _draw(self, shape: tuple[int, ...], indices: np.ndarray, view: int) -> list[dict[str, Any]]:
        with _global_state_lock:
            state = np.random.get_state()
            try:
                return [
                    self._generator.get_random_transform(shape, seed=self._seed_of(index, view))
                    for index in indices
                ]
            finally:
                np.random.set_state(state)

    def _seed_of(self, index: int, view: int) -> int:
        sequence = np.random.SeedSequence([self.seed, view, int(index)])
        return int(sequence.generate_state(1)[0])

    def describe(self) -> dict[str, Any]:
        """Return everything that decides the draws, ready for JSON."""
        return {"arguments": dict(self.arguments), "seed": self.seed}

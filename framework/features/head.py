"""The head: the trained part of a classifier, which XLA may compile."""

import keras


class Head(keras.Model):
    """A model that XLA may compile although TensorFlow's kernels are repeatable.

    Keras forbids the combination because of a few kernels; XLA is only chosen for models
    without these, see `framework.training.execution`.
    """

    _compiled_by_xla: bool | str = False  # Until `compile` says otherwise.

    @property
    def jit_compile(self) -> bool | str:
        """The argument of `compile`; `"auto"` counts as false."""
        return self._compiled_by_xla

    @jit_compile.setter
    def jit_compile(self, value: bool | str) -> None:
        self._compiled_by_xla = False if value == "auto" else value

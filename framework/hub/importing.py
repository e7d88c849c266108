"""KerasHub, imported where something of it is used: that takes a second."""

import warnings
from typing import Any

from framework.utils.optional_dependencies import require_packages


def require_keras_hub() -> None:
    """Make sure that KerasHub is installed.

    Raises:
        RunError: It is not.
    """
    require_packages("A hub: backbone", {"keras_hub": "keras-hub"}, "hub")


def import_keras_hub() -> Any:
    """Import KerasHub, which also makes its layers known to Keras.

    Raises:
        RunError: It is not installed.
    """
    require_keras_hub()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of its own dependencies.
        import keras_hub
    # Swin's own layers hand on a mask that they ignore, and build nothing in `build`.
    warnings.filterwarnings("ignore", "Layer 'attn' .*does not support masking")
    warnings.filterwarnings("ignore", r"`build\(\)` was called on layer", module="keras")
    return keras_hub

"""The devices of this machine that TensorFlow computes on."""

from typing import Literal

import tensorflow as tf

from framework.errors import RunError


def find_devices(wanted: int | Literal["all"]) -> list[str]:
    """Find the names of the devices to compute on: GPUs, or processors without a GPU.

    Args:
        wanted: The config's `training_config.devices`.

    Raises:
        RunError: There are fewer than that.
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if wanted == "all":
        return names
    if wanted > len(names):
        raise RunError(
            f"training_config.devices: {wanted} are wanted, but TensorFlow finds "
            f'{len(names)} here: {", ".join(names)}. Ask for fewer, or for "all".'
        )
    return names[:wanted]

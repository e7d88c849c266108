"""What this machine has: processors, a GPU, and weights that were downloaded before."""

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from framework.utils.environment import count_processors, has_bfloat16_instructions

# How the weights file of a backbone begins in Keras's cache; those without their top end alike.
WEIGHTS_FILES = {
    "EfficientNetV2B0": "efficientnetv2-b0",
    "ConvNeXtTiny": "convnext_tiny",
    "ResNet50": "resnet50_weights",
    "MobileNetV2": "mobilenet_v2_weights",
    "VGG16": "vgg16_weights",
}

HOST, PORT = "storage.googleapis.com", 443
"""Where Keras downloads weights from."""

TIMEOUT_SECONDS = 3.0


@dataclass(frozen=True)
class Machine:
    """What a config's cost depends on.

    Args:
        processors: Those that this process may use.
        has_gpu: Whether there is a GPU of NVIDIA.
        cached: Backbones whose ImageNet weights are in Keras's cache.
        is_online: Whether weights can be downloaded.
        has_bfloat16: Whether the processor multiplies bfloat16.
    """

    processors: int
    has_gpu: bool
    cached: tuple[str, ...]
    is_online: bool
    has_bfloat16: bool = False


def survey_machine() -> Machine:
    """Look at this machine."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    files = [path.name for path in home.glob("models/*") if "no" in path.name]
    cached = tuple(
        name
        for name, beginning in WEIGHTS_FILES.items()
        if any(file.startswith(beginning) and _has_no_top(file) for file in files)
    )
    return Machine(
        count_processors(),
        shutil.which("nvidia-smi") is not None,
        cached,
        _is_online(),
        has_bfloat16_instructions(),
    )


def _has_no_top(file: str) -> bool:
    return "notop" in file or "no_top" in file


def _is_online() -> bool:
    try:
        socket.create_connection((HOST, PORT), TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True

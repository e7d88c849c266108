"""The names of the layers of a preset's network, found once and kept."""

import hashlib
import json
from importlib.metadata import version

from framework.errors import RunError
from framework.hub.importing import require_keras_hub
from framework.hub.presets import Preset
from framework.utils.cache_directory import find_cache_directory
from framework.utils.files import read_json, write_json
from framework.utils.native_logs import STARTUP_MESSAGES, filter_standard_error

FORMAT = 1
"""Changes with the names that `build_network` gives."""

BELOW = ("image", "resizing", "preprocessing")
"""Layers that prepare the images."""


def list_layers(preset: Preset) -> dict[str, str]:
    """Return the layers of a preset's network from the input up: name -> class.

    The first time the network is built for it, which takes seconds.

    Raises:
        RunError: KerasHub is not installed, or the preset can't be loaded.
    """
    require_keras_hub()
    config = preset.source if preset.config is None else json.dumps(preset.config)
    described = f"{FORMAT} {version('keras-hub')} {config}"
    path = find_cache_directory() / "hub" / f"{hashlib.sha256(described.encode()).hexdigest()}.json"
    try:
        return {str(name): str(kind) for name, kind in read_json(path)["layers"].items()}
    except (RunError, KeyError, AttributeError):
        layers = _find_layers(preset)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"preset": preset.name, "layers": layers})
    except (OSError, RunError):
        pass  # They are found again the next time.
    return layers


def _find_layers(preset: Preset) -> dict[str, str]:
    side = preset.image_size or 224
    with filter_standard_error(STARTUP_MESSAGES):
        from framework.hub.network import build_network
        from framework.utils.graphs import without_weights

        with without_weights():
            network = build_network(preset, (side, side, 3), with_weights=False)
    return {layer.name: type(layer).__name__ for layer in network.layers if layer.name not in BELOW}

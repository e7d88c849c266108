"""A config that may still be wrong in places, for rules that read the rest of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from framework.config import catalog
from framework.config.parse.document import KeyPath
from framework.config.schema.config_schema import BACKBONE_OUTPUT

TOP: KeyPath = ("model_configuration", "model_top_config")


@dataclass(frozen=True)
class PartialLayer:
    """A declared layer; `layer_type` is `None` where it is wrong."""

    name: str
    layer_type: str | None
    arguments: dict[str, Any]
    inputs: tuple[str, ...]

    @property
    def path(self) -> KeyPath:
        """Where the layer is in the config."""
        return (*TOP, self.name)


class PartialConfig:
    """Values of a config, of which some are known to be wrong.

    A rule that reads a value which is wrong, or lies in something wrong, gets
    the default instead, so that one mistake gives one problem.
    """

    def __init__(self, values: dict[str, Any], wrong: Iterable[KeyPath]) -> None:
        self._values = values
        self._wrong = set(wrong)

    def read(self, *path: str | int, default: Any = None) -> Any:
        """Return the value at a path, or the default if it is absent or wrong."""
        node: Any = self._values
        for depth, key in enumerate(path, start=1):
            if path[:depth] in self._wrong:
                return default
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                return default
        return node

    def is_sound(self, *path: str | int) -> bool:
        """Return whether nothing at a path or inside it is known to be wrong."""
        return not any(wrong[: len(path)] == path for wrong in self._wrong)

    def read_object(self, *path: str | int, default: str) -> tuple[str, dict[str, Any]]:
        """Return name and arguments of what is given as `"Adam"` or `{"name": "Adam", ...}`."""
        value = self.read(*path, default=default)
        if isinstance(value, dict):
            arguments = {key: item for key, item in value.items() if key != "name"}
            return self.read(*path, "name", default=default), arguments
        return value, {}

    @property
    def backbone(self) -> str | None:
        """The name of the backbone, `"none"`, or `None` where it is wrong."""
        name: str | None = self.read("model_configuration", "model_name")
        return name

    @property
    def backbone_layers(self) -> dict[str, str]:
        """The layers of the backbone, name -> class."""
        return catalog.load_backbone_layers(self.backbone) if self.backbone else {}

    def list_layers(self) -> list[PartialLayer]:
        """Return the declared layers in the order of the config."""
        layers: list[PartialLayer] = []
        top = self.read(*TOP)
        for name in top if isinstance(top, dict) else ():
            previous = layers[-1].name if layers else BACKBONE_OUTPUT
            inputs = self.read(*TOP, name, "input_layer", default=previous)
            arguments = self.read(*TOP, name, "initializing_parameters", default={})
            layers.append(
                PartialLayer(
                    name,
                    self.read(*TOP, name, "layer_type"),
                    {
                        key: self.read(*TOP, name, "initializing_parameters", key)
                        for key in arguments
                    },
                    (inputs,) if isinstance(inputs, str) else tuple(inputs),
                )
            )
        return layers

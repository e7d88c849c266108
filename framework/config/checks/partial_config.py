"""A config that may still be wrong in places, for rules that read the rest of it."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any

from framework.config import catalog
from framework.config.fields import list_fields
from framework.config.keras_file import KerasFileError
from framework.config.model import Config
from framework.config.source_map import KeyPath
from framework.errors import RunError

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

    @property
    def class_name(self) -> str | None:
        """The Keras class behind `layer_type`."""
        return self.layer_type and catalog.find_class_name("layers", self.layer_type)


class PartialConfig:
    """Values of a config, of which some are known to be wrong.

    A rule that reads a value which is wrong, or lies in something wrong, gets
    the default instead, so that one mistake gives one problem.
    """

    def __init__(self, values: dict[str, Any], wrong: Iterable[KeyPath]) -> None:
        self._values = values
        self._wrong = set(wrong)

    def read(self, *path: str | int, default: Any = None) -> Any:
        """Return the value at a path; where it is absent or wrong the default.

        Args:
            path: The keys and indices that lead to the value.
            default: `None` for the default that the config's model defines.
        """
        if default is None:
            default = find_default(*path)
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

    def read_object(
        self, *path: str | int, default: str | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Return name and arguments of what is given as `"Adam"` or `{"name": "Adam", ...}`."""
        value = self.read(*path, default=default)
        if not isinstance(value, dict):
            return value, {}
        if default is None:
            standard = find_default(*path)
            default = standard["name"] if isinstance(standard, dict) else standard
        arguments = {key: item for key, item in value.items() if key != "name"}
        return self.read(*path, "name", default=default), arguments

    @property
    def backbone(self) -> str | None:
        """The name of the backbone, `"none"`, or `None` where it is wrong."""
        name: str | None = self.read("model_configuration", "model_name")
        return name

    @property
    def backbone_layers(self) -> dict[str, str]:
        """The layers of the backbone, name -> class."""
        try:
            return catalog.load_backbone_layers(self.backbone) if self.backbone else {}
        except (KerasFileError, RunError):  # The rules about files and presets tell why.
            return {}

    def list_layers(self) -> list[PartialLayer]:
        """Return the declared layers in the order of the config."""
        layers: list[PartialLayer] = []
        top = self.read(*TOP)
        for name in top if isinstance(top, dict) else ():
            previous = layers[-1].name if layers else catalog.BACKBONE_OUTPUT
            inputs = self.read(*TOP, name, "input_layer", default=previous)
            parameters = (*TOP, name, "initializing_parameters")
            arguments = {
                key: self.read(*parameters, key) for key in self.read(*parameters, default={})
            }
            inputs = (inputs,) if isinstance(inputs, str) else tuple(inputs)
            layers.append(
                PartialLayer(name, self.read(*TOP, name, "layer_type"), arguments, inputs)
            )
        return layers

    def find_ends(self) -> list[PartialLayer]:
        """Return the declared layers whose output no other layer reads."""
        layers = self.list_layers()
        used = {name for layer in layers for name in layer.inputs}
        return [layer for layer in layers if layer.name not in used]


@cache
def find_default(*path: str | int) -> Any:
    """Return the default of the key at a path, as a config would write it; `None` without one."""
    section: Any = Config
    default = None
    for key in path:
        field = next((f for f in list_fields(section) if f.name == key), None) if section else None
        section, default = (field.section, field.default) if field else (None, None)
    return None if default is MISSING else default

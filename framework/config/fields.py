"""How a key of a config's section is defined: its type, its default and what it is for.

A key's annotation says what it takes, and is the only place that does: `find_phrase` turns it
into the words of `schema/value_types.py`, of which the JSON Schema, the messages and
`docs/config.md` are made. A type that Python does not know is `Annotated` with such a word.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

PositiveInt = Annotated[int, "positive integer"]
NonNegativeInt = Annotated[int, "non-negative integer"]
PositiveFloat = Annotated[float, "positive number"]
Share = Annotated[float, "share"]
Seed = Annotated[int, "seed"]
Pixels = Annotated[int, "pixels"]
ClassWeight = Annotated[Literal["balanced"] | Mapping[str, float] | None, "class weight"]
DatasetName = Annotated[str, "dataset"]
LayerNames = Annotated[tuple[str, ...], "layer names or null"]

_WORDS = {str: "string", bool: "boolean", NoneType: "null"}


class ConfigField(NamedTuple):
    """A key of a section.

    Attributes:
        name: The key.
        section: The dataclass that an object given for the key is made into, if there is one.
        nullable: Whether the value may be `None`; otherwise null, where it is allowed, stands
            for the default.
        takes: The values that it takes, in the words of `schema/value_types.py`.
        about: What it is for, in a sentence.
        default: The value when it is absent, as a config would write it; `MISSING` where it is
            required.
    """

    name: str
    section: Any
    nullable: bool
    takes: str
    about: str
    default: Any


def config_field(default: Any, about: str) -> Any:
    """Define a key of a section.

    Args:
        default: The value when the key is absent, `dict` for an empty mapping,
            or `MISSING` where the key is required.
        about: What the key is for, in a sentence.
    """
    metadata = {"about": about}
    if default is dict:
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@cache
def list_fields(section: Any) -> tuple[ConfigField, ...]:
    """Return the keys of a section, in order."""
    hints = get_type_hints(section, include_extras=True)
    fields = []
    for field in dataclasses.fields(section):
        if about := field.metadata.get("about"):
            hint = hints[field.name]
            bare = hint.__origin__ if get_origin(hint) is Annotated else hint
            options = get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)
            inner = next((option for option in options if _is_section(option)), None)
            takes, default = find_phrase(hint), _write_default(field)
            nullable = NoneType in options
            fields.append(ConfigField(field.name, inner, nullable, takes, about, default))
    return tuple(fields)


def find_phrase(hint: Any) -> str:
    """Return what an annotation takes, such as `positive integer or null`."""
    if get_origin(hint) is Annotated:
        return str(hint.__metadata__[0])
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(find_phrase, get_args(hint)))
    return "object" if dataclasses.is_dataclass(hint) else _WORDS[hint]


def _is_section(cls: Any) -> bool:
    """Return whether a class is a dataclass whose keys are defined with `config_field`."""
    return dataclasses.is_dataclass(cls) and any(f.metadata for f in dataclasses.fields(cls))


def _write_default(field: dataclasses.Field[Any]) -> Any:
    """Return the default of a key as a config would write it."""
    default: Any = {} if field.default_factory is dict else field.default
    if _is_section(type(default)):
        return dataclasses.asdict(default)
    if dataclasses.is_dataclass(default):  # A Keras object.
        return getattr(default, "name", None)
    return list(default) if isinstance(default, tuple) else default

"""The schema of Keras objects in a config: their names, their arguments, and theirs again."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from framework.config import catalog
from framework.config.schema.value_types import Schema, make_type_schema
from framework.config.violations import join_words

LISTED_KINDS = ("layers", "callbacks", "optimizers")
"""Kinds that `run.py list` shows, besides backbones and data sets."""

NAMED_KINDS = {"optimizer": "optimizers", "loss": "losses", "metric": "metrics"}
"""What is given as `"Adam"` or `{"name": "Adam", ...}` -> the catalogue's kind."""

# What an argument takes -> the catalogue's kind, what a class of it is called, and what may stand
# where one is expected.
_OBJECT_KINDS = {
    "initializer": ("initializers", "a Keras initializer", "a Keras initializer"),
    "regularizer": ("regularizers", "a Keras regularizer", "a Keras regularizer"),
    "constraint": ("constraints", "a Keras constraint", "a Keras constraint"),
    "learning rate": (
        "schedules",
        "a Keras learning-rate schedule",
        "a positive number or a learning-rate schedule",
    ),
    "layer": (
        "layers",
        "a Keras layer",
        'a Keras layer, {"class_name": "LSTM", "config": {"units": 8}}',
    ),
}


def make_names(kind: str, title: str, others: Iterable[Any] = ()) -> Schema:
    """Return the schema of a name in the catalogue."""
    schema: Schema = {"enum": [*catalog.list_names(kind), *others], "title": title}
    if refused := catalog.list_refusals(kind):
        schema["x-refused"] = refused
    if kind in LISTED_KINDS:
        schema["x-list"] = kind
    return schema


def _needs_arguments(kind: str, name: str | None) -> bool:
    """Return whether a Keras object can't be made by its name alone."""
    arguments = catalog.find_entry(kind, name)["arguments"].values() if name else ()
    return any("default" not in argument for argument in arguments)


class ObjectSchemas:
    """Collects the definitions of Keras objects, which may refer to each other.

    Args:
        mentioned: If given, only Keras objects of these names get their arguments described.

    Attributes:
        definitions: Name -> schema, as `$defs` holds them.
    """

    def __init__(self, mentioned: Collection[str] | None) -> None:
        self.definitions: dict[str, Schema] = {}
        self._mentioned = mentioned

    def define(self, name: str, make: Callable[..., Schema], *arguments: Any) -> Schema:
        """Return a reference to a definition, which is made when first needed."""
        key = name.replace(" ", "_")
        if key not in self.definitions:
            self.definitions[key] = {}  # Layers can hold layers: ends the recursion.
            self.definitions[key] = make(*arguments)
        return {"$ref": f"#/$defs/{key}"}

    def make_value(self, phrase: str) -> Schema:
        """Return the schema of what an argument of a Keras object takes."""
        head, *rest = phrase.split(" or ")
        if head in _OBJECT_KINDS:
            return self.define(phrase, self._make_keras_object, head, bool(rest))
        if head == "activation":
            return self.define(phrase, self._make_activation, bool(rest))
        return make_type_schema(phrase)

    def make_arguments(self, kind: str, name: str, extra: Schema | None = None) -> Schema:
        """Return the schema of the arguments of a Keras object."""
        properties: Schema = dict(extra or {})
        required = []
        for argument, entry in catalog.find_entry(kind, name)["arguments"].items():
            takes = entry["takes"]
            if kind == "layers" and argument == "units":
                takes += f" or {catalog.CLASSES!r}"
            properties[argument] = dict(self.make_value(takes))
            if about := entry.get("about"):
                properties[argument]["description"] = about
            if "default" in entry:
                properties[argument]["default"] = entry["default"]
            else:
                required.append(argument)
        command = {"x-list": f"{kind} {name}"} if kind in LISTED_KINDS else {}
        return {
            "type": "object",
            "title": f"an object with the arguments of {name}",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
            "x-keys": f"an argument of {name}",
            **command,
        }

    def list_mentioned(self, kind: str) -> list[str]:
        """Return the names of a kind whose arguments are to be described."""
        names = catalog.list_names(kind)
        return [name for name in names if self._mentioned is None or name in self._mentioned]

    def make_branches(self, kind: str, name_key: str, arguments_key: str) -> list[Schema]:
        """Return, for each name of a kind, the condition that checks its arguments."""
        branches = []
        for name in self.list_mentioned(kind):
            reference = self.define(f"{kind}.{name}", self.make_arguments, kind, name)
            branches.append(
                {
                    "if": {"properties": {name_key: {"const": name}}, "required": [name_key]},
                    "then": {
                        "properties": {arguments_key: reference},
                        "required": [arguments_key] if _needs_arguments(kind, name) else [],
                    },
                }
            )
        return branches

    def _make_keras_object(self, word: str, nullable: bool) -> Schema:
        """Return the schema of `"l2"` or `{"class_name": "L2", "config": {...}}`."""
        kind, class_title, title = _OBJECT_KINDS[word]
        title = join_words([title, "null"]) if nullable else title
        whole = {
            "type": "object",
            "properties": {
                "class_name": make_names(kind, class_title),
                "config": {"type": "object", "title": "an object with arguments"},
            },
            "required": ["class_name"],
            "additionalProperties": False,
            "x-keys": "one of the keys class_name, config",
            "allOf": self.make_branches(kind, "class_name", "config"),
        }
        if word == "layer":
            other: Schema = {"type": "null" if nullable else "object", "title": title}
        elif word == "learning rate":
            other = {"type": "number", "exclusiveMinimum": 0, "title": title}
        else:
            other = make_names(kind, title, [None] if nullable else [])
            other["enum"] = [name for name in other["enum"] if not _needs_arguments(kind, name)]
        return {"title": title, "if": {"type": "object"}, "then": whole, "else": other}

    def _make_activation(self, nullable: bool) -> Schema:
        title = "a Keras activation" + (" or null" if nullable else "")
        return make_names("activations", title, [None] if nullable else [])

    def make_named(self, word: str, default: str | None) -> Schema:
        """Return the schema of `"Adam"` or `{"name": "Adam", "learning_rate": 0.001}`."""
        kind = NAMED_KINDS[word]
        names = make_names(kind, f"a Keras {word}", [catalog.ACCURACY] if word == "metric" else [])
        # A metric has an argument `name` too; here the key names the metric.
        branches = [
            {
                "if": {
                    "properties": {"name": {"const": name}},
                    "required": [] if name == default else ["name"],
                },
                "then": self.define(
                    f"{kind}.{name}", self.make_arguments, kind, name, {"name": {"const": name}}
                ),
            }
            for name in self.list_mentioned(kind)
        ]
        whole = {
            "type": "object",
            "properties": {"name": names},
            "required": [] if default else ["name"],
            "allOf": branches,
        }
        return {
            "title": f"a Keras {word}",
            "if": {"type": "object"},
            "then": whole,
            "else": {**names, "title": f"a Keras {word}, or an object with its name"},
        }

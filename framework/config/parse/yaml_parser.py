"""YAML 1.2 as people mean it, with the location of every value.

PyYAML composes the nodes; its resolver, which follows YAML 1.1, is replaced by the core schema of
YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): `1e-3` is a number, `no` and `on` are
strings. Of YAML 1.1 only the merge key `<<` is kept, as configs use it with anchors.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from framework.config.parse.parsed_text import MAX_DEPTH, TOO_DEEP, ParsedText, TextError
from framework.config.source_map import KeyPath, Location, Position

MAX_VALUES = 20_000
"""More than any config holds; aliases that unfold to more are a bomb."""

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
_CORE_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
)
_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "merge": str,
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": lambda text: int(text, 0 if text[:2] in ("0o", "0x") else 10),
    "float": lambda text: float(re.sub(r"\.(inf|nan)$", r"\1", text.lower())),
}


class _CoreLoader(yaml.BaseLoader):
    """PyYAML up to its graph of nodes, with the core schema's tags.

    PyYAML refuses tabs everywhere; YAML only as indentation
    (https://yaml.org/spec/1.2.2/#61-indentation-spaces).
    """

    def scan_to_next_token(self) -> None:
        """Skip what separates tokens, tabs included."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self._is_in_indentation()):
            self.forward()
            super().scan_to_next_token()

    def _is_in_indentation(self) -> bool:
        return not self.buffer[self.pointer - self.column : self.pointer].strip()

    def scan_plain_spaces(self, indent: int, start_mark: yaml.Mark) -> list[str] | None:
        """Return the blanks, tabs included, between the words of a text without quotes."""
        length = 0
        while self.peek(length) in " \t":
            length += 1
        blanks = self.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        self.forward(length)
        return super().scan_plain_spaces(indent, start_mark) or [blanks]


for _name, _pattern, _first in _CORE_SCHEMA:
    _CoreLoader.add_implicit_resolver(_PREFIX + _name, re.compile(rf"(?:{_pattern})\Z"), _first)


def parse_yaml(text: str) -> ParsedText:
    """Parse a YAML text of one document.

    Raises:
        TextError: The text is not YAML, is nested too deep, holds a tag beyond
            the core schema, or unfolds to too many values.
    """
    try:
        node = _CoreLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _explain_error(error) from None
    except yaml.YAMLError as error:
        raise TextError(f"not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise TextError(TOO_DEEP) from None
    constructor = _Constructor()
    if node:
        constructor.parsed.values = constructor.construct(node, ())
    return constructor.parsed


def parse_yaml_value(text: str) -> Any:
    """Parse the value of an option, such as `3`, `no` or `{train: 2000}`.

    Raises:
        TextError: The text is not YAML.
    """
    parsed = parse_yaml(text)
    for error in parsed.errors:
        raise error
    return parsed.values


class _Constructor:
    """The walk over a graph of nodes that makes values and notes their locations."""

    def __init__(self) -> None:
        self.parsed = ParsedText(None)
        self._count = 0
        self._open: set[int] = set()

    def construct(self, node: Node, path: KeyPath, key: Position | None = None) -> Any:
        """Return the value of a node."""
        if len(path) > MAX_DEPTH:
            raise TextError(TOO_DEEP, _locate(node))
        with self._enter(node, path):
            self.parsed.locations[path] = Location(_locate(node), key)
            if isinstance(node, ScalarNode):
                return _construct_scalar(node, path)
            if isinstance(node, MappingNode):
                return self._construct_mapping(node, path)
            return [self.construct(item, (*path, i)) for i, item in enumerate(node.value)]

    @contextmanager
    def _enter(self, node: Node, path: KeyPath) -> Iterator[None]:
        """Note a node as open; raises TextError on a tag, and on bombs and cycles of aliases."""
        self._count += 1
        if self._count > MAX_VALUES:
            raise TextError(f"aliases unfold to more than {MAX_VALUES} values", _locate(node), path)
        if id(node) in self._open:
            raise TextError("the anchor holds an alias of itself", _locate(node), path)
        collection = "map" if isinstance(node, MappingNode) else "seq"
        if not isinstance(node, ScalarNode) and node.tag != _PREFIX + collection:
            raise _refuse_tag(node, path)
        self._open.add(id(node))
        yield
        self._open.discard(id(node))

    def _construct_mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        """Return the value of a mapping; what `<<` brings gives way to its own keys."""
        values: dict[str, Any] = {}
        for key_node, value_node in _list_own_entries(node, path):
            here = (*path, key_node.value)
            if key_node.value in values:
                self.parsed.note_double_key(here, _locate(key_node))
            values[key_node.value] = self.construct(value_node, here, _locate(key_node))
        for key_node, value_node in self._list_merged_entries(node, path):
            if key_node.value not in values:
                here = (*path, key_node.value)
                values[key_node.value] = self.construct(value_node, here, _locate(key_node))
        return values

    def _list_merged_entries(
        self, node: MappingNode, path: KeyPath
    ) -> Iterator[tuple[ScalarNode, Node]]:
        """Yield the entries of the mappings that a mapping's merge keys name, in order."""
        for key_node, value_node in node.value:
            if key_node.tag != _MERGE:
                continue
            merged = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            for item in merged:
                if not isinstance(item, MappingNode):
                    raise TextError("expected an alias of a mapping after <<", _locate(item), path)
                with self._enter(item, path):
                    yield from _list_own_entries(item, path)
                    yield from self._list_merged_entries(item, path)


def _list_own_entries(node: MappingNode, path: KeyPath) -> Iterator[tuple[ScalarNode, Node]]:
    """Yield the entries of a mapping other than its merge keys."""
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise TextError("expected a text as key", _locate(key_node), path)
        if key_node.tag != _MERGE:
            yield key_node, value_node


def _construct_scalar(node: ScalarNode, path: KeyPath) -> Any:
    """Return the value of a scalar by its tag in the core schema."""
    kind = node.tag.removeprefix(_PREFIX)
    if kind not in _CONVERTERS:
        raise _refuse_tag(node, path)
    try:
        return _CONVERTERS[kind](node.value)
    except (KeyError, ValueError):
        raise TextError(f"expected a value of the type {kind}", _locate(node), path) from None


def _refuse_tag(node: Node, path: KeyPath) -> TextError:
    tag = node.tag.replace(_PREFIX, "!!")
    return TextError(f"the tag {tag} is refused: a config holds plain values", _locate(node), path)


def _locate(node: Node) -> Position:
    """Return line and column of a node."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def _explain_error(error: yaml.MarkedYAMLError) -> TextError:
    """Return a YAML error in one line, with its position."""
    mark = error.problem_mark or error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark else None
    problem = error.problem or error.context or "unknown error"
    if "'\\t'" in problem:
        return TextError("YAML indents with spaces, not with tabs", position)
    if "but found another document" in problem:
        return TextError("expected one document: remove what follows the ---", position)
    context = f" ({error.context})" if error.context and error.problem else ""
    return TextError(f"not valid YAML: {problem}{context}", position)

"""YAML 1.2 as people mean it."""

import pytest

from framework.config.parse.parsed_text import TextError
from framework.config.parse.yaml_parser import parse_yaml, parse_yaml_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        (".5", 0.5),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1:30", "1:30"),
        ("2026-11-21", "2026-11-21"),
        ("1_000", "1_000"),
        ("'25'", "25"),
        ("!!str 25", "25"),
        ("{train: 2000, test: null}", {"train": 2000, "test": None}),
        ("{0: 1.5}", {"0": 1.5}),
        ("a:\t1\nb: [1,\t2,\n\t3]\t# c\n", {"a": 1, "b": [1, 2, 3]}),
        ("a:\t\n  b: x\t y\t\nc: 1", {"a": {"b": "x\t y"}, "c": 1}),
    ],
)
def test_plain_values_follow_yaml_1_2(text, value):
    parsed = parse_yaml_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_anchors_and_merge_keys():
    text = "a: &base {x: 1, y: {z: 2}}\nb:\n  <<: *base\n  x: 3\nc: *base\n"
    parsed = parse_yaml(text)
    values, locations = parsed.values, parsed.locations
    assert values["b"] == {"x": 3, "y": {"z": 2}}
    assert values["c"] == values["a"]
    assert locations[("b", "x")].value == (4, 6)
    assert locations[("b", "y", "z")].value == (1, 24)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("a: 1\nb: 2\na: 3", (3, 1), "the key appears twice. Line 1 has it first."),
        (
            "a: !!python/object/apply:os.system [ls]",
            (1, 4),
            "the tag !!python/object/apply:os.system is refused: a config holds plain values",
        ),
        ("a: !include b.yaml", (1, 4), "the tag !include is refused: a config holds plain values"),
        ("a: !!set {x}", (1, 4), "the tag !!set is refused: a config holds plain values"),
        ("a: !!int x", (1, 4), "expected a value of the type int"),
        ("a:\n\t- 1", (2, 1), "YAML indents with spaces, not with tabs"),
        ("a:\t\n\tb: 1", (2, 1), "YAML indents with spaces, not with tabs"),
        ("a: 1\n---\nb: 2", (2, 1), "expected one document: remove what follows the ---"),
        ("a: &a [*a]", (1, 4), "the anchor holds an alias of itself"),
        ("a: *b", (1, 4), "not valid YAML: found undefined alias 'b'"),
        ("a: b: c", (1, 5), "not valid YAML: mapping values are not allowed here"),
        ("[1]: 2", (1, 1), "expected a text as key"),
        ("<<: 1", (1, 5), "expected an alias of a mapping after <<"),
    ],
)
def test_what_is_refused(text, position, message):
    with pytest.raises(TextError) as caught:
        parse_yaml_value(text)
    assert (caught.value.message, caught.value.position) == (message, position)


def test_an_alias_bomb_is_refused():
    layers = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(TextError, match="aliases unfold to more than 20000 values"):
        parse_yaml("\n".join(["l0: &l0 [x, x, x, x, x, x, x, x, x]", *layers]))

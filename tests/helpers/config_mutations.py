"""Configs mutated at random: keys dropped, renamed, doubled; values of any type."""

import copy

from hypothesis import strategies as st

NAMES = st.sampled_from(
    ["epochs", "lr", "units", "name", "class_name", "config", "layer_type", "input_layer", "path"]
)
WORDS = st.sampled_from(
    ["Dense", "Lambda", "VGG19", "none", "backbone", "dense_1", "block4_pool", "relu", "l2", "adam"]
)
TEXTS = st.text(max_size=30) | WORDS | st.just("x" * 5000) | st.just("../../etc/passwd")
NUMBERS = (
    st.integers()
    | st.sampled_from([0, -1, 1, 2, 3, 7, 10, 100, 2**31, 2**63, 10**400, 0.5, 1e-300, 1e308])
    | st.floats()
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=8,
)


def nest(depth):
    """Return a list in a list in a list ..."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


@st.composite
def mutated(draw, bases):
    """Draw one of the bases with one to four changes."""
    values = copy.deepcopy(draw(st.sampled_from(bases)))
    for _ in range(draw(st.integers(1, 4))):
        mutate(draw, values)
    return values


def mutate(draw, values):
    """Change something, somewhere, in place."""
    locations = list(list_locations(values))
    if not locations:
        return
    parent, key = draw(st.sampled_from(locations))
    change = draw(st.sampled_from(["replace", "replace", "drop", "rename", "add", "nest", "swap"]))
    if change == "replace":
        parent[key] = draw(VALUES)
    elif change == "drop":
        del parent[key]
    elif change == "nest":
        parent[key] = nest(draw(st.sampled_from([1, 50, 500])))
    elif change == "swap":
        other, other_key = draw(st.sampled_from(locations))
        parent[key] = copy.deepcopy(other[other_key])
    elif isinstance(parent, dict):
        name = draw(NAMES | WORDS | TEXTS)
        parent[name] = parent.pop(key) if change == "rename" else draw(VALUES)


def list_locations(value):
    """Yield every (container, key) in a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, dict | list):
            yield from list_locations(item)

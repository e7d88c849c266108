"""Strategies that draw what a config may name, with arguments of the catalogued types."""

from hypothesis import strategies as st

from framework.config import catalog

NUMBERS = {
    "positive integer": [1, 2, 3, 8],
    "size": [1, 2, 3, 8],
    "integer above 1": [2, 3],
    "non-negative integer": [0, 1, 2, 5],
    "integer": [-1, 0, 1, 2, 3],
    "number": [-1, 0, 0.5, 1, 2.5],
    "positive number": [0.01, 0.5, 1, 3],
    "non-negative number": [0, 0.01, 1, 3],
    "non-positive number": [0, -0.5, -1],
    "fraction": [0, 0.1, 0.5, 1],
    "rate": [0, 0.1, 0.5],
    "share": [0.1, 0.5, 0.9],
    "dtype": ["float32", "float16", "bfloat16", "mixed_float16", "float64"],
    "boolean": [True, False],
    "string": ["a", "ab,bc->ac"],
    "monitor": ["loss", "val_accuracy"],
    "path in the run directory": ["model.keras", "log.csv"],
}
CATALOGUES = {
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}


@st.composite
def draw_arguments(draw, kind, name, share=0.2):
    """Draw the required arguments of a Keras object, and some of the others."""
    arguments = {}
    for argument, entry in catalog.find_entry(kind, name)["arguments"].items():
        if "default" not in entry or draw(st.floats(0, 1)) < share:
            arguments[argument] = draw(draw_value(entry["takes"]))
    return arguments


@st.composite
def draw_value(draw, takes):
    """Draw a value of a type."""
    part = draw(st.sampled_from(takes.split(" or ")))
    if part == "null":
        return None
    if part.isdigit():
        return int(part)
    if part.startswith("'"):
        return part.strip("'")
    if part in NUMBERS:
        return draw(st.sampled_from(NUMBERS[part]))
    if part == "activation":
        return draw(st.sampled_from(catalog.list_names("activations")))
    if part in CATALOGUES:
        return draw(draw_object(CATALOGUES[part]))
    if part == "learning rate":
        return draw(st.just(0.01) | draw_object("schedules"))
    if part == "layer":
        return {"class_name": "Dense", "config": {"units": 3}}
    if part.startswith("list of "):
        return draw(st.lists(draw_value(part[8:-1]), min_size=1, max_size=3))
    count, item = part.split(" ", 1)
    item = f"2 {item[9:]}" if item.startswith("pairs of ") else item.removesuffix("s")
    return [draw(draw_value(item)) for _ in range(int(count))]


@st.composite
def draw_object(draw, kind):
    """Draw `{"class_name": ..., "config": {...}}` of a kind."""
    name = draw(st.sampled_from(catalog.list_names(kind)))
    return {"class_name": name, "config": draw(draw_arguments(kind, name))}


@st.composite
def draw_named(draw, kind):
    """Draw `{"name": ..., ...}` of a kind."""
    name = draw(st.sampled_from(catalog.list_names(kind)))
    return {"name": name, **draw(draw_arguments(kind, name))}

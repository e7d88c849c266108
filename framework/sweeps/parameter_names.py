"""Parameters and their names, short enough for the console and for figures."""

import json
from collections.abc import Mapping, Sequence

from framework.sweeps.definition.search_space import Parameter
from framework.utils.text import truncate

_WIDTH = 24


def format_parameters(parameters: Mapping[str, Parameter]) -> str:
    """Return a trial's parameters on one line."""
    names = shorten_paths(list(parameters))
    return ", ".join(f"{names[path]} {format_parameter(v)}" for path, v in parameters.items())


def format_parameter(parameter: Parameter) -> str:
    """Return a parameter in at most 24 characters."""
    if isinstance(parameter, float):
        return f"{parameter:.4g}"
    return truncate(dump_parameter(parameter), _WIDTH)


def dump_parameter(parameter: Parameter) -> str:
    """Return a parameter in full: a text itself, anything else as JSON."""
    return parameter if isinstance(parameter, str) else json.dumps(parameter)


def shorten_paths(paths: Sequence[str]) -> dict[str, str]:
    """Return for each path the fewest of its last words that no other path ends in.

    Words that say nothing, such as `initializing_parameters`, are left out.
    """
    words = {
        path: [word for word in path.split(".") if word != "initializing_parameters"]
        for path in paths
    }
    names = {}
    for path, own in words.items():
        others = [other for another, other in words.items() if another != path]
        count = next(
            (n for n in range(1, len(own)) if all(o[-n:] != own[-n:] for o in others)), len(own)
        )
        names[path] = ".".join(own[-count:])
    return names

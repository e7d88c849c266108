"""A config file as values, with the location of each in the file."""

import difflib
from pathlib import Path
from typing import Any, NamedTuple

from framework.config.parse.json_parser import parse_json
from framework.config.parse.parsed_text import TextError
from framework.config.parse.yaml_parser import parse_yaml
from framework.config.source_map import SourceMap, join_path
from framework.errors import ConfigError, Problem

MAX_BYTES = 5_000_000

_PARSERS = {".json": parse_json, ".yaml": parse_yaml, ".yml": parse_yaml}


class Document(NamedTuple):
    """The values of a config file, and where each comes from."""

    values: dict[str, Any]
    source_map: SourceMap


def read_document(path: Path, source: str | None = None) -> Document:
    """Read a JSON or YAML file; its ending decides which.

    Args:
        path: The file.
        source: What problems call the file; `None` for the path as given.

    Raises:
        ConfigError: The file can't be read, or is not what its ending says.
    """
    source = source or str(path)
    try:
        text = _read_text(path)
        parse = _PARSERS.get(path.suffix.lower())
        if parse is None:
            raise TextError("expected a file that ends in .json, .yaml or .yml")
        if not text.strip():
            raise TextError("the file is empty. Expected a config")
        parsed = parse(text)
        if not isinstance(parsed.values, dict):
            names = {list: "a list", str: "a text", type(None): "nothing"}
            found = names.get(type(parsed.values), repr(parsed.values))
            raise TextError(f"expected an object with sections. Found {found}", (1, 1))
    except TextError as error:
        raise ConfigError([_make_problem(error, source)]) from None
    source_map = SourceMap(source, parsed.locations)
    source_map.problems.extend(_make_problem(error, source) for error in parsed.errors)
    return Document(parsed.values, source_map)


def _make_problem(error: TextError, source: str) -> Problem:
    """Return an error of a text as a problem."""
    return Problem(join_path(error.path), error.message, source, *(error.position or ()))


def _read_text(path: Path) -> str:
    """Return a file's text; raises TextError with the reason if there is none."""
    try:
        if path.is_dir():
            raise TextError("this is a directory. Expected a config file")
        if path.exists() and not path.is_file():
            raise TextError("this is not a regular file. Expected a config file")
        if path.stat().st_size > MAX_BYTES:
            raise TextError(
                f"the file is larger than {MAX_BYTES // 1_000_000} MB. Expected a config"
            )
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        raise TextError("no such file." + _suggest_file(path)) from None
    except UnicodeDecodeError as error:
        raise TextError(
            f"expected UTF-8 text. Found the byte 0x{error.object[error.start]:02x} "
            f"at offset {error.start}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character.
        reason = getattr(error, "strerror", None) or str(error)
        raise TextError(f"the file can't be read: {reason}") from None


def _suggest_file(path: Path) -> str:
    """Return the question whether a config of a similar name is meant."""
    if not path.parent.is_dir():
        return f" There is no folder '{path.parent}' either"
    names = [entry.name for entry in path.parent.iterdir() if entry.suffix in _PARSERS]
    close = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean '{path.parent / close[0]}'?" if close else ""

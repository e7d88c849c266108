"""Summaries of Keras's docstrings, one sentence each."""

import inspect
import re
import textwrap
from typing import Any

TYPE_ALONE = re.compile(
    r"(?:\(?optional\)?,? ?)?(?:a |an )?(?:python )?"
    r"(?:float|int|integer|boolean|bool|string|str|number)s?(?: or none)?",
    re.IGNORECASE,
)


def summarize(owner: Any) -> str:
    """Return the first sentence of a docstring on one line."""
    return take_sentence((inspect.getdoc(owner) or "").split("\n\n")[0])


def read_argument_notes(owner: type) -> dict[str, str]:
    """Return the first sentence on each argument in the docstring's `Args:`."""
    # At any depth: Keras joins docstrings, and their indentation then differs between
    # Python 3.13, which removes the indentation of each, and earlier versions.
    section = re.search(
        r"^( *)Arg(?:ument)?s:\n((?:\1 +\S.*\n?| *\n)*)", inspect.getdoc(owner) or "", re.M
    )
    if not section:
        return {}
    notes = re.findall(r"^ +(\w+): *(.*?)(?=^ +(?:\w+: |{{)|\Z)", section[2], re.S | re.M)
    return {argument: sentence for argument, note in notes if (sentence := take_sentence(note))}


def take_sentence(text: str) -> str:
    """Return the first sentence of a text, without Markdown's backticks."""
    line = " ".join(text.split()).replace("`", "")
    sentence, *rest = re.split(r"(?<!e\.g)(?<!i\.e)(?<!a\.k\.a)[.:](?:\s|$)", line, maxsplit=1)
    if rest and TYPE_ALONE.fullmatch(sentence):  # "Optional integer. If set, ..."
        return take_sentence(rest[0])
    return textwrap.shorten(sentence, 110, placeholder=" ...")

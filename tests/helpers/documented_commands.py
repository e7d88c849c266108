"""The commands and the Python examples that the pages of the documentation show."""

import itertools
import re
from dataclasses import dataclass, replace

import pytest

from tests.helpers.program import ROOT

# Without the tutorial, which tests/docs/test_tutorial.py executes as a whole.
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("README.md", "CONTRIBUTING.md", "configs/README.md", "docs/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "tutorial.md"
) + sorted(path.relative_to(ROOT) for path in ROOT.glob("results/**/*.md"))

# Of the blocks whose lines are commands; output alone belongs into a block of `text`.
SHELL = ("", "sh", "bash", "console", "shell")

# What a command begins with where it stands in a sentence or a table.
PROGRAMS = re.compile(
    r"(?:[A-Z_]+=\S+ )*(?:python|make|pip|curl|docker|ray|tensorboard|mlflow|git|gh|source|pipx"
    r"|\.venv[\w-]*/bin/\S+) "
)

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
CODE_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
COMMENT = re.compile(r"(?:^|\s+)#\s.*$")


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Args:
        place: The page and the line.
        text: The command, without prompt and comment, on one line.
        block: Where the block begins that it stands in.
        output: What the page shows that it prints, if it does.
        inline: Whether it stands in a sentence or a table.
    """

    place: str
    text: str
    block: str = ""
    output: tuple[str, ...] = ()
    inline: bool = False


def find_commands(page):
    """Yield the commands of a page; of alternatives `A|B` in a word, a command each."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        if fence[2] in SHELL:
            first = text.count("\n", 0, fence.start()) + 2
            found += read_block(page, first, fence[3])
    # Blanked, so that lines keep their numbers.
    prose = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    for span in CODE_SPAN.finditer(prose):
        code = " ".join(span[1].split())
        if PROGRAMS.match(code):
            place = f"{page}:{prose.count(chr(10), 0, span.start()) + 1}"
            found.append(Command(place, code, inline=True))
    for command in found:
        for one in list_alternatives(command.text):
            yield replace(command, text=one)


def read_block(page, first, block):
    """Return the commands of a block that begins at the line `first`.

    If a line begins with `$ `, such lines are the commands, and the others what they print.
    """
    lines = []
    for number, line in enumerate(block.splitlines(), first):
        if lines and lines[-1][1].endswith("\\"):
            lines[-1] = (lines[-1][0], lines[-1][1][:-1].rstrip() + " " + line.strip())
        else:
            lines.append((number, line.strip()))
    commands = []
    prompted = any(line.startswith("$ ") for _, line in lines)
    for number, line in lines:
        command = line[2:] if line.startswith("$ ") else line
        if prompted and not line.startswith("$ "):
            place, text, output = commands.pop()
            commands.append((place, text, (*output, line)))
        elif command := COMMENT.sub("", command):
            commands.append((f"{page}:{number}", command, ()))
    return [Command(place, text, f"{page}:{first}", output) for place, text, output in commands]


def list_alternatives(text):
    r"""Return the commands for `predict FOLDER\|TABLE`; a bar is escaped in a table."""
    words = text.replace("\\|", "|").split(" ")
    choices = [word.split("|") if re.fullmatch(r"[A-Z|.]+", word) else [word] for word in words]
    return [" ".join(chosen) for chosen in itertools.product(*choices)]


def find_blocks(page, language):
    """Return the blocks of a page in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [fence[3] for fence in FENCE.finditer(text) if fence[2] == language]


def list_blocks():
    """Return lists of commands: a block of a page each, or one that stands in a sentence.

    A block is run as a reader runs it, one command after the other. What a block has is left out
    in sentences.
    """
    found = [command for page in PAGES for command in find_commands(page)]
    blocks = {}
    for command in found:
        if not command.inline:
            blocks.setdefault(command.block, []).append(command)
    known = {command.text for command in found if not command.inline}
    for command in found:
        if command.text not in known:
            blocks[f"{command.place}: {command.text}"] = [command]
            known.add(command.text)
    return list(blocks.values())


BLOCKS = list_blocks()
COMMANDS = [command for block in BLOCKS for command in block]

# The file of tests/docs/ that executes a command: the first whose pattern it begins with.
EXECUTED_BY = {
    r"curl ": "test_serving",
    r"ray |python run\.py .*--ray ": "test_cluster",
    r"python (-m benchmarks\.|benchmarks/)": "test_benchmarks",
    r"": "test_commands",
}


def select_blocks(file):
    """Return what a file of tests/docs/ executes of each block, as parameters of pytest."""
    own = file.rpartition(".")[2]
    parameters = []
    for block in BLOCKS:
        chosen = [command for command in block if find_file(command.text) == own]
        if chosen:
            name = chosen[0].text if chosen[0].inline else chosen[0].block
            parameters.append(pytest.param(chosen, id=name))
    return parameters


def find_file(text):
    return next(file for start, file in EXECUTED_BY.items() if re.match(start, text))

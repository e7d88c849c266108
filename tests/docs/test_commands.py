"""Every command that a page shows works as it is written there, on small data.

`tests/helpers/reader_folder.py` has what the commands name, `tests/helpers/unexecuted_commands.py`
those that can't be executed; the other files here have those of Ray, of the benchmarks, and curl.
"""

import os
import re
import shlex
import subprocess

import pytest

from tests.helpers.documented_commands import COMMANDS, select_blocks
from tests.helpers.reader_folder import PLACEHOLDERS, fill_in
from tests.helpers.run_documented import SMALLER, run_python
from tests.helpers.unexecuted_commands import UNEXECUTED, find_unexecuted

pytestmark = pytest.mark.long


@pytest.mark.parametrize("block", select_blocks(__name__))
def test_the_commands_of_a_block_work(block, reader_folder, forker, tmp_path):
    for command in block:
        text = fill_in(command.text)
        if entry := find_unexecuted(text):
            entry.check(shlex.split(text), reader_folder)
        elif text.startswith("git "):
            run_git(command, tmp_path / "git")
        else:
            run_python(command, text, reader_folder, forker)


def run_git(command, folder):
    """Run a command of Git in a clone; `<this repository>` is what it was cloned from."""
    folder.mkdir(exist_ok=True)
    someone = {"NAME": "somebody", "EMAIL": "somebody@example.org"}
    environment = {
        **os.environ,
        **{
            f"GIT_{who}_{key}": value
            for who in ("AUTHOR", "COMMITTER")
            for key, value in someone.items()
        },
    }

    def run(text, place=folder):
        result = subprocess.run(
            ["sh", "-ec", text], cwd=place, env=environment, capture_output=True, text=True
        )
        assert result.returncode == 0, f"{command.place}: `{text}` failed:\n{result.stderr}"

    run("git init --quiet --bare origin.git && git clone --quiet origin.git clone")
    run(
        "git commit --quiet --allow-empty --message first && git push --quiet origin HEAD",
        folder / "clone",
    )
    if command.text.startswith("git clone "):
        run(
            command.text.replace("<this repository>", "origin.git").replace(
                "<its folder>", "origin"
            )
        )
    else:
        run(command.text, folder / "clone")


def test_what_no_page_has_any_more_is_no_exception():
    for entry in UNEXECUTED:
        assert any(find_unexecuted(command.text) is entry for command in COMMANDS), entry.start
    texts = [command.text for command in COMMANDS]
    for pattern in PLACEHOLDERS:
        assert any(re.search(pattern, text) for text in texts), f"no page has {pattern}"
    filled = [fill_in(text).removeprefix("python run.py ") for text in texts]
    for pattern in SMALLER:
        assert any(re.match(pattern, text) for text in filled), f"no page has {pattern}"

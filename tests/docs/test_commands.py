"""Every command that a page shows works as it is written there, on small data.

`tests/helpers/reader_folder.py` has what the commands name, `tests/helpers/unexecuted_commands.py`
those that can't be executed; the other files here have those of Ray, of the benchmarks, and curl.
"""

import os
import re
import shlex
import signal
import subprocess
import time
import urllib.request

import pytest

from tests.helpers.documented_commands import COMMANDS, select_blocks
from tests.helpers.program import TIMEOUT_SECONDS
from tests.helpers.reader_folder import PLACEHOLDERS, explain, fill_in, start
from tests.helpers.unexecuted_commands import UNEXECUTED, find_unexecuted

pytestmark = pytest.mark.long

FEW = ("--set", "data_config.limit={train: 120, test: 30}")
BRIEFLY = (*FEW, "--set", "training_config.epochs=1")

# What makes commands small, whose pages name no limits: the first that fits is appended.
SMALLER = {
    r"--config photos\.yaml": ("--set", "training_config.epochs=1"),
    r"--config configs/dinov2\.yaml": (
        "--set", "model_configuration.model_name=hub:dinov2", *FEW,
        "--set", "model_configuration.model_arguments.image_size=32",
    ),
    r"--config configs/siglip\.yaml": (
        "--set", "model_configuration.model_name=hub:siglip", *FEW,
        "--set", "model_configuration.model_top_config.mean.input_layer=encoder_block_1",
    ),
    r"sweep --config configs/sweep\.yaml": (*BRIEFLY, "--set", "sweep_config.trials=2"),
    r"probe --config": (*FEW, "--images", "100", "--shots", "all"),
    r"check-data --config": FEW,
    r"--config configs/transfer_digits\.yaml": ("--set", "training_config.epochs=1"),
    r"--config \S+|sweep --config": BRIEFLY,
    r"features .*--size": ("--size", "32"),
    r"(draw|serve) --run": ("--port", "0"),
}  # fmt: skip


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


def run_python(command, text, folder, forker):
    if re.match(r"python run\.py (draw|serve) ", text):
        return serve(command, text, folder, forker)
    smaller = () if command.output else shrink(text)
    process = start(command, text, smaller, folder, forker)
    code = process.wait(TIMEOUT_SECONDS)
    if command.output:
        shown = [line.strip() for line in process.output.splitlines()]
        assert [line for line in command.output if line not in shown] == [], explain(
            command, process
        )
    elif is_mention(command):
        assert code in (0, 2), explain(command, process)
        lacks = r"the following arguments are required|expected one argument"
        assert code == 0 or re.search(lacks, process.output), explain(command, process)
    else:
        assert code == 0, explain(command, process)


def shrink(text):
    arguments = text.removeprefix("python run.py ")
    return next((added for start, added in SMALLER.items() if re.match(start, arguments)), ())


def is_mention(command):
    """Tell whether a sentence has only the name of a command, or of an option."""
    return command.inline and re.fullmatch(r"python run\.py [\w-]+", command.text)


def serve(command, text, folder, forker):
    """Start a server, ask how it is, and end it as Ctrl-C does."""
    process = start(command, text, shrink(text), folder, forker)
    while process.is_alive() and not (address := re.search(r"http://[\d.]+:\d+", process.stdout)):
        time.sleep(0.05)
    assert process.is_alive(), explain(command, process)
    with urllib.request.urlopen(address[0]) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT_SECONDS) == 0, explain(command, process)


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

"""Commands of the documentation, run on small data in the reader's folder."""

import re
import shlex
import signal
import time
import urllib.request

from tests.helpers.program import TIMEOUT_SECONDS

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
    r"probe --config configs/photos\.yaml": (
        "--set", "data_config.validation_fraction=0.3", "--images", "24", "--shots", "all",
    ),
    r"probe --config": (*FEW, "--images", "100", "--shots", "all"),
    r"check-data --config": FEW,
    r"--config configs/transfer_digits\.yaml": ("--set", "training_config.epochs=1"),
    r"--config \S+|sweep --config": BRIEFLY,
    r"features .*--size": ("--size", "32"),
    r"(draw|serve) --run": ("--port", "0"),
}  # fmt: skip


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


def start(command, text, added, folder, forker):
    """Start a command of Python, with more arguments, in the folder.

    Args:
        command: The command of the page.
        text: The same, filled in.
        added: Arguments to append.
        folder: The working directory.
        forker: What starts it.
    """
    words = shlex.split(text)
    environment = {}
    while "=" in words[0]:
        name, environment[name] = words.pop(0).split("=", 1)
    if ">" in words:
        words = words[: words.index(">")]
    if words[:2] == ["python", "run.py"]:
        return forker.start(*words[2:], *added, cwd=folder, **environment)
    if words[:2] == ["python", "-m"] and words[2].startswith(("benchmarks.", "scripts.")):
        return forker.start(
            *words[3:], *added, module=words[2], with_figures=True, cwd=folder, **environment
        )
    if words[0] == "python" and words[1].startswith("benchmarks/"):
        module = words[1].removesuffix(".py").replace("/", ".")
        return forker.start(*words[2:], *added, module=module, cwd=folder, **environment)
    raise AssertionError(
        f"{command.place}: no test knows how to run `{command.text}`. If it is no command, put it "
        "into a block of `text`; if it can't be executed here, add it to "
        "tests/helpers/unexecuted_commands.py with what is checked instead."
    )


def explain(command, process):
    """Return what to do about a command that ended with an error."""
    return (
        f"{command.place}: `{command.text}` ended with exit code {process.returncode}:\n"
        f"{process.output}\nIf the command is right, and names a file or a placeholder that the "
        "tests don't have, add it to tests/helpers/reader_folder.py."
    )

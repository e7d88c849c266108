"""The commands of the documentation that no test can execute, and what is checked instead."""

import argparse
import configparser
import itertools
import re
import subprocess
from dataclasses import dataclass

import yaml

from framework.cli.commands.serve import TOKEN_VARIABLE
from tests.helpers.program import ROOT


def check_extra(words, folder):
    """The extras are those of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert words[:3] == ["pip", "install", "--editable"]
    extras = re.fullmatch(r"\.\[([\w,]+)\]", words[3])[1].split(",")
    assert set(extras) <= set(setup["options.extras_require"])


def check_target(words, folder):
    """The Makefile has the target and the variables; what they name is there."""
    text = (ROOT / "Makefile").read_text()
    variables = [word.split("=", 1) for word in words[1:] if "=" in word]
    assert {name for name, _ in variables} <= set(re.findall(r"^(\w+) [?:]?=", text, re.MULTILINE))
    for value in (value for name, value in variables if name in ("CONFIG", "PYTEST")):
        assert (ROOT / value.split()[0]).exists(), value
    result = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def check_activation(words, folder):
    """The Makefile makes the file."""
    assert f"\n{words[1]}:\n" in (ROOT / "Makefile").read_text()


def check_site(words, folder):
    """The folder is the one that make builds."""
    assert f"scripts.make_site {words[-1]}" in (ROOT / "Makefile").read_text()


def check_hooks(words, folder):
    """There are hooks to install, and they call tools of the environment that make makes."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert hooks
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)


def check_tests(words, folder):
    """The tests are there, and read the variable that the command sets."""
    (name, _), path = words[0].split("="), ROOT / words[-1]
    assert words[1:4] == ["python", "-m", "pytest"]
    files = path.rglob("*.py") if path.is_dir() else [path]
    sources = [file.read_text() for file in [*files, *(ROOT / "tests/helpers").glob("*.py")]]
    assert any(f'"{name}"' in source for source in sources)


def check_upload(words, folder):
    """The Makefile makes the environment, with twine in it, and dist/."""
    text = (ROOT / "Makefile").read_text()
    assert ".venv-dist/bin/python -m pip install" in text
    assert "twine" in text
    assert "\ndist: " in text


def read_dockerfile(instruction):
    return re.findall(rf"^{instruction} (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def check_image(words, folder):
    """The Dockerfile has the arguments, and what it copies is there."""
    given = dict(
        word.split("=", 1) for before, word in itertools.pairwise(words) if before == "--build-arg"
    )
    assert set(given) <= {argument.split("=")[0] for argument in read_dockerfile("ARG")}
    for line in read_dockerfile("COPY"):
        for source in line.split()[:-1]:
            path = re.sub(r"\$\{(\w+)\}", lambda name: given[name[1]], source)
            assert any((place / path).exists() for place in (ROOT, folder)), path


def check_container(words, folder):
    """The container listens on the port, and the server reads the variable."""
    parser = argparse.ArgumentParser()
    for option in ("--publish", "--env"):
        parser.add_argument(option)
    options, _ = parser.parse_known_args(words[2:])
    assert [options.publish.split(":")[1]] == read_dockerfile("EXPOSE")
    assert options.env.split("=")[0] == TOKEN_VARIABLE


def check_mlflow(words, folder):
    """MLflow's command takes the options."""
    from mlflow.cli import cli

    name, *arguments = words[1:]
    command = cli.get_command(None, name)
    context = command.make_context(name, list(arguments))  # Click empties the list.
    assert context.params["backend_store_uri"] == arguments[-1]


def check_tensorboard(words, folder):
    """TensorBoard takes the options."""
    from tensorboard.program import TensorBoard

    board = TensorBoard()
    board.configure(words)
    assert (folder / board.flags.logdir).is_dir()


def check_ray(words, folder):
    """Ray's command takes the options."""
    from ray.scripts.scripts import cli

    command = cli.commands[words[1]]
    command.make_context(words[1], words[2:])


@dataclass(frozen=True)
class Unexecuted:
    """Commands that begin with the same words.

    Args:
        start: A pattern of their beginning.
        reason: Why they can't be executed.
        check: What is checked in place of that; takes the words of the command, and a folder with
            what it names.
    """

    start: str
    reason: str
    check: object


UNEXECUTED = (
    Unexecuted("pip install ", "it would change the environment of the tests", check_extra),
    Unexecuted("make ", "it makes environments, and some targets run the tests", check_target),
    Unexecuted("source ", "the environment is active", check_activation),
    Unexecuted(r"\.venv/bin/python -m http\.server", "it serves until it is ended", check_site),
    Unexecuted("pipx ", "pipx installs outside of the environment", check_hooks),
    Unexecuted(r"[A-Z_]+=\d+ python -m pytest", "longer tests than all together", check_tests),
    Unexecuted("gh release", "it publishes", check_upload),
    Unexecuted(r"\.venv-dist/bin/python -m twine", "it publishes", check_upload),
    Unexecuted("ray ", "it starts what stays, or writes a token into the home", check_ray),
    Unexecuted("docker build", "it needs a daemon, and a network", check_image),
    Unexecuted("docker run", "it needs a daemon, and an image", check_container),
    Unexecuted("mlflow ui", "the page belongs to the package mlflow", check_mlflow),
    Unexecuted("tensorboard ", "the page is a program of others", check_tensorboard),
)


def find_unexecuted(text):
    """Return the entry of a command, or None for one that is executed."""
    return next((entry for entry in UNEXECUTED if re.match(entry.start, text)), None)

"""The commands in messages and docs install the optional packages."""

import re
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from framework.cli.serving import PACKAGES
from framework.inference.export.formats import FORMATS
from framework.utils import optional_dependencies
from tests.helpers.program import ROOT

# What the commands ask for; each has a test of its message.
NEEDED = {
    "app": set(PACKAGES.values()) - {"opencv-python-headless"},  # That of `reading`.
    "export": {package for form in FORMATS.values() for package in form.packages.values()},
    "heif": {"pillow-heif"},
    "hub": {"keras-hub"},
    "ray": {"ray"},
    "sweep": {"optuna"},
    "tables": {"pyarrow"},
}


def list_packages(extra):
    """What pip installs for an extra of the framework, besides what it always installs."""
    wanted = [Requirement(line) for line in requires("transfer-framework")]
    return {
        one.name
        for one in wanted
        if one.marker and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate()
    }


@pytest.mark.parametrize("extra", NEEDED)
def test_an_extra_brings_what_its_commands_need(extra):
    assert list_packages(extra) >= NEEDED[extra]


def test_a_clone_installs_from_itself_wherever_one_is(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert optional_dependencies.describe_installation("app") == "pip install --editable '.[app]'"
    monkeypatch.chdir(tmp_path)
    assert (
        optional_dependencies.describe_installation("app")
        == f"pip install --editable '{ROOT}[app]'"
    )


@pytest.mark.parametrize("extra", NEEDED)
def test_without_its_source_the_packages_are_named(extra, monkeypatch, tmp_path):
    monkeypatch.setattr(optional_dependencies, "SOURCE", tmp_path)
    command, *named = re.split(r" '|' '|'$", optional_dependencies.describe_installation(extra))[
        :-1
    ]
    assert command == "pip install"
    assert {Requirement(one).name for one in named} == list_packages(extra)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.stem
)
def test_documents_install_from_the_clone_they_belong_to(path):
    commands = re.findall(r"pip install (?!tensorboard)([^#\n`]*)", path.read_text())
    for arguments in commands:
        extras = re.fullmatch(r"--editable '\.\[([\w,]+)\]'", arguments.strip())
        assert extras, arguments
        assert all(map(list_packages, extras[1].split(","))), arguments

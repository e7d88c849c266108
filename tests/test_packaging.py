"""What is packaged, checked and released is declared where the tools look for it."""

import re
from configparser import ConfigParser
from pathlib import Path

import yaml

import framework
from tests.helpers.program import ROOT

SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def list_files():
    """Returns what is below `framework/`, but for what Python leaves there."""
    return [
        path.relative_to(ROOT)
        for path in (ROOT / "framework").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for path in list_files() if path.suffix == ".py"}
    assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []


def test_every_other_file_is_declared_as_package_data():
    declared = {
        path.relative_to(ROOT)
        for package, patterns in SETUP["options.package_data"].items()
        for pattern in patterns.split(", ")
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    others = {path for path in list_files() if path.suffix != ".py"}
    assert len(others) > 40
    assert others == declared


def test_the_packages_are_typed():
    assert Path("framework/py.typed") in list_files()
    assert "Typing :: Typed" in SETUP["metadata"]["classifiers"]


def test_the_changelog_begins_with_what_is_unreleased_and_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(framework.__version__)}\] - \d{{4}}-\d\d-\d\d", headings[1])


def test_a_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "abstract", "authors"} <= {key for key in citation if citation[key]}
    assert citation["version"] == framework.__version__
    assert citation["license"] == SETUP["metadata"]["license"]


def test_a_commit_is_checked_as_make_check_does():
    makefile = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"^(?:lint|types): .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    checked = {" ".join(line.split()[:2]) for line in "".join(recipes).splitlines()}
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {" ".join(hook["entry"].split()[:2]) for hook in config["repos"][0]["hooks"]}
    assert {line.replace("$(BIN)", ".venv/bin") for line in checked} == hooks

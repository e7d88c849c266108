import re
from importlib import import_module

import pytest
from PIL import Image

from framework.cli.main import COMMANDS, make_parser
from framework.data.registry import load_digits
from tests.helpers.program import ROOT

TEXT = (ROOT / "docs" / "inference.md").read_text()


def test_the_python_examples_run(digits_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "vgg16").symlink_to(digits_run)
    for name, pixels in zip("ab", load_digits().test.images[:2], strict=True):
        Image.fromarray(pixels).save(f"{name}.png")
    names: dict = {}
    for example in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(example, names)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("a small CNN on digits ('0', '1'")
    assert [line[0] for line in said[1:3]] == [str(one) for one in load_digits().test.labels[:2]]


@pytest.mark.parametrize("line", re.findall(r"^python run\.py (.*)$", TEXT, re.MULTILINE))
def test_the_commands_are_understood(line):
    name, *arguments = line.split()
    assert name in COMMANDS
    parser = make_parser(name, import_module(f"framework.cli.commands.{name}"))
    parser.parse_args(arguments)

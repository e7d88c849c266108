"""What a run says of the program and the machine that made it."""

import shutil
import subprocess
import sys

from tests.helpers.program import ROOT

PROGRAM = "from framework.utils.environment import find_commit; print(find_commit())"


def test_the_commit_is_that_of_the_clone(tmp_path):
    def call(*command):
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def find_commit():
        return call(sys.executable, "-B", "-c", PROGRAM)

    shutil.copytree(ROOT / "framework", tmp_path / "framework")
    assert find_commit() == "None"
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    call(*git, "init", "--quiet")
    call(*git, "add", "framework")
    call(*git, "commit", "--quiet", "--message=All")
    head = call(*git, "rev-parse", "HEAD")
    assert find_commit() == head
    (tmp_path / "framework" / "py.typed").write_text("changed")
    assert find_commit() == f"{head}-dirty"

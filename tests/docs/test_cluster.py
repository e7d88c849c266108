"""The commands of the pages that compute on a Ray cluster, on one of this machine."""

import shlex

import pytest

from tests.helpers.documented_commands import select_blocks
from tests.helpers.reader_folder import fill_in
from tests.helpers.run_documented import run_python
from tests.helpers.unexecuted_commands import find_unexecuted

pytestmark = pytest.mark.long


@pytest.mark.parametrize("block", select_blocks(__name__))
def test_the_commands_of_a_block_work(block, reader_folder, forker, ray_nodes, monkeypatch):
    # Where Ray looks for the cluster that this machine belongs to.
    monkeypatch.setenv("RAY_ADDRESS", ray_nodes.address)
    for command in block:
        text = fill_in(command.text).replace("HOST:6379", ray_nodes.address)
        if entry := find_unexecuted(text):
            entry.check(shlex.split(text), reader_folder)
        else:
            run_python(command, text, reader_folder, forker)

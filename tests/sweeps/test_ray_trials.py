"""A sweep whose trials run on a Ray cluster, against the same sweep in one process."""

import pytest

from framework.cli.main import main
from framework.sweeps.ray_trials import ReportActor, pack_run, unpack_run
from tests.helpers.program import TIMEOUT_SECONDS, read_rows
from tests.helpers.small_runs import assert_same_run
from tests.helpers.small_sweeps import RATE, write_sweep


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_trials_on_a_cluster_are_those_of_one_process(ray_nodes, forker, tmp_path):
    section = {"sampler": "grid", "reports": 0, "keys": {RATE: {"choice": [1e-3, 1e38, 1e-2]}}}
    path = write_sweep(tmp_path, section)
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    assert main(["sweep", "--config", str(path), "--output", str(alone)]) == 0

    swept = forker.start("sweep", "--config", path, "--ray", ray_nodes.address, "--output", spread)

    assert swept.wait(TIMEOUT_SECONDS) == 0, swept.output
    assert swept.stdout.startswith("Ray: ")
    rows = [
        [(row["rank"], row["trial"], row["state"], row["val_accuracy"]) for row in rows]
        for rows in (read_rows(alone / "ranking.csv"), read_rows(spread / "ranking.csv"))
    ]
    assert rows[0] == rows[1]
    assert [row[2] for row in rows[0]] == ["complete", "complete", "failed"]
    for trial in ("0000", "0002"):
        assert_same_run(alone / "trials" / trial, spread / "trials" / trial)
        assert "INFO" in (spread / "trials" / trial / "run.log").read_text()


def test_a_trial_learns_with_its_next_report_that_it_is_hopeless():
    reports = ReportActor()
    assert not reports.report(3, 1, 0.1)
    assert reports.take() == [(3, 1, 0.1)]
    reports.prune(3)
    assert not reports.report(4, 1, 0.2)
    assert reports.report(3, 2, 0.1)
    assert reports.take() == [(4, 1, 0.2), (3, 2, 0.1)]


def test_a_run_directory_takes_the_place_of_what_was_there(tmp_path):
    (tmp_path / "node" / "logs").mkdir(parents=True)
    (tmp_path / "node" / "run.log").write_text("new")
    (tmp_path / "node" / "logs" / "deep").write_bytes(bytes(range(256)))
    directory = tmp_path / "trials" / "0000"
    directory.mkdir(parents=True)
    (directory / "left over").touch()

    unpack_run(pack_run(tmp_path / "node"), directory)

    assert pack_run(directory) == {"run.log": b"new", "logs/deep": bytes(range(256))}
    assert [path.name for path in directory.parent.iterdir()] == ["0000"]


def test_a_trial_without_a_run_directory_has_nothing_to_pack(tmp_path):
    assert pack_run(tmp_path / "none") == {}

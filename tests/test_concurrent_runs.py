"""Several runs at once, in one results folder and on one feature store."""

from framework.utils.files import fingerprint_file
from tests.helpers.program import TIMEOUT_SECONDS, read_json
from tests.helpers.small_runs import CONFIG

RUNS = 4


def test_four_runs_at_once_finish_and_compute_features_once(forker, tmp_path):
    (tmp_path / "four.yaml").write_text(CONFIG)
    cache = str(tmp_path / "cache")
    processes = [
        forker.start("--config", "four.yaml", cwd=tmp_path, TRANSFER_FRAMEWORK_CACHE=cache)
        for _ in range(RUNS)
    ]
    for process in processes:
        assert process.wait(TIMEOUT_SECONDS) == 0, process.output

    runs = sorted((tmp_path / "results" / "four").iterdir())
    assert len(runs) == RUNS
    stored = [
        line.partition("Stored the features of ")[2]
        for run in runs
        for line in (run / "run.log").read_text().splitlines()
        if "Stored the features of " in line
    ]
    # Two views to train on, one each to validate and to test on; in both phases.
    assert len(stored) == 8
    environments = [read_json(run / "environment.json") for run in runs]
    for run, environment in zip(runs, environments, strict=True):
        assert environment["model"]["sha256"] == fingerprint_file(run / "model.keras")
    metrics = [read_json(run / "metrics.json") for run in runs]
    assert len({one["test"]["loss"] for one in metrics}) == 1

"""A whole sweep in this process: its trials, how they end, and what it leaves behind."""

import csv
import json

import pytest
from PIL import Image

from framework.cli.main import main
from framework.runs.run_directory import find_run
from tests.helpers.program import ROOT, TIMEOUT_SECONDS, read_json, read_rows
from tests.helpers.small_runs import assert_same_run
from tests.helpers.small_sweeps import BASE, FLAT, RATE, write_sweep

pytestmark = pytest.mark.long

# One that learns slowly, one that learns nothing, one that breaks, and one that learns faster.
RATES = [1e-4, 1e-9, 1e38, 0.003]
BACKBONE = {
    "model_name": "MobileNet",
    "model_arguments": {"alpha": 0.25},
    "weights": None,
    "model_top_config": {
        "flat": {"layer_type": "Flatten", "input_layer": "conv1_relu"},
        "digit": BASE["model_configuration"]["model_top_config"]["digit"],
    },
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    base = BASE | {
        "data_config": {"dataset": "digits", "limit": {"train": 120, "test": 40}},
        "model_configuration": BACKBONE,
    }
    section = {
        "sampler": "grid",
        "metric": "val_loss",
        "pruner": "median",
        "pruner_startup_trials": 1,
        "pruner_warmup_epochs": 3,
        "reports": 1,
        "keys": {RATE: {"choice": RATES}},
    }
    path = write_sweep(folder, section, base=base)
    options = ["--set", f"training_config.feature_cache.directory={folder / 'store'}"]
    output = folder / "out"
    assert main(["sweep", "--config", str(path), *options, "--output", str(output)]) == 0
    return output


def read_ranking(swept):
    return read_rows(swept / "ranking.csv")


def test_the_ranking_tells_how_each_trial_ended(swept):
    rows = read_ranking(swept)
    assert [(row["rank"], row["trial"], row["state"]) for row in rows] == [
        ("1", "3", "complete"), ("2", "0", "complete"), ("3", "1", "pruned"), ("4", "2", "failed"),
    ]  # fmt: skip
    assert [float(row[RATE]) for row in rows] == [0.003, 1e-4, 1e-9, 1e38]
    assert "Pruned after epoch" in rows[2]["message"]
    assert "diverged" in rows[3]["message"]


def test_a_trials_value_is_that_of_its_classifier(swept):
    for row in read_ranking(swept)[:2]:
        metrics = read_json(swept / "trials" / f"{int(row['trial']):04d}" / "metrics.json")
        assert float(row["val_loss"]) == metrics["validation"]["loss"]


def test_a_pruned_trial_is_marked_as_such(swept):
    trial = swept / "trials" / "0001"
    assert "Pruned after epoch" in (trial / "UNFINISHED").read_text()
    assert not (trial / "model.keras").exists()


def test_all_trials_share_the_features(swept):
    stored = [
        line
        for log in sorted(swept.glob("trials/*/run.log"))
        for line in log.read_text().splitlines()
        if "Stored the features of " in line
    ]
    assert len(stored) == 3, "one for each split, whatever the number of trials"


def test_a_trial_has_the_bits_of_a_run_of_its_own(swept, forker, tmp_path):
    """The last trial, which came after three others in its process."""
    alone = tmp_path / "alone"
    config = swept / "trials" / "0003" / "config.json"
    again = forker.start("--config", config, "--output", alone)
    assert again.wait(TIMEOUT_SECONDS) == 0, again.output
    assert_same_run(swept / "trials" / "0003", alone)


def test_a_trial_lacks_nothing_but_pictures_and_the_best_not_even_these(swept):
    first, other = (
        {path.name for path in (swept / "trials" / name).iterdir()} for name in ("0003", "0000")
    )
    assert {"report.html", "confusion_matrix_test.png", "loss.png"} <= first
    assert other == {
        "config.json", "environment.json", "history.csv", "metrics.json", "model.keras",
        "predictions_test.csv", "run.log", "splits.npz",
    }  # fmt: skip
    assert {name for name in first - other if not name.endswith((".png", ".html"))} == set()


def test_the_winning_config_repeats_the_best_trial(swept):
    best = json.loads((swept / "best.json").read_text())
    assert best == read_json(swept / "trials" / "0003" / "config.json")
    assert main(["--config", str(swept / "best.json"), "--check"]) == 0


def test_a_sweep_stands_for_its_best_trial(swept):
    best = swept / "trials" / f"{int(read_ranking(swept)[0]['trial']):04d}"
    assert find_run(swept) == find_run(swept / "trials") == best


def test_the_best_are_compared(swept):
    with (swept / "comparison.csv").open() as stream:
        assert {row["run"] for row in csv.DictReader(stream)} == {"0000", "0003"}
    assert "0003" in (swept / "comparison.html").read_text()


@pytest.mark.parametrize("name", ["history.png", "importances.png"])
def test_there_are_pictures_of_the_search(swept, name):
    with Image.open(swept / name) as picture:
        assert min(picture.size) > 150


def test_a_finished_sweep_has_nothing_to_go_on_with(swept, capsys):
    before = {path: path.stat().st_mtime_ns for path in swept.glob("trials/*/*")}
    assert main(["sweep", "--resume", str(swept)]) == 0
    assert {path: path.stat().st_mtime_ns for path in swept.glob("trials/*/*")} == before
    assert "Trial" not in capsys.readouterr().out


def test_another_sweep_is_refused_in_the_same_directory(swept, capsys):
    config = swept.parent / "sweep.json"
    code = main(
        ["sweep", "--config", str(config), "--output", str(swept),
         "--set", "training_config.epochs=2"]
    )  # fmt: skip
    message = capsys.readouterr().err
    assert code == 2
    assert "training_config.epochs: 3 before, 2 now" in message


def test_where_every_trial_fails_the_sweep_does_too(tmp_path, capsys):
    section = {"sampler": "grid", "keys": {FLAT: {"choice": [{"layer_type": "Conv2D",
        "initializing_parameters": {"filters": 2, "kernel_size": 20}}]}}}  # fmt: skip
    path = write_sweep(tmp_path, section)
    assert main(["sweep", "--config", str(path), "--output", str(tmp_path / "out")]) == 1
    said, message = capsys.readouterr()
    assert "trial 0 failed: " in said
    assert "flat.input_layer: " in said.partition("trial 0 failed: ")[2]
    assert "All 1 trials have failed" in message
    assert "Traceback" not in message


def test_the_shipped_sweep_runs(tmp_path):
    options = {
        "training_config.epochs": 1,
        "training_config.feature_cache.augmented_views": 1,
        "data_config.limit": "{train: 120, test: 30}",
        "sweep_config.trials": 2,
        "sweep_config.reports": 0,
    }
    command = ["sweep", "--config", str(ROOT / "configs" / "sweep.yaml")]
    command += [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    rows = read_ranking(tmp_path / "out")
    assert [row["state"] for row in rows] == ["complete", "complete"]


@pytest.mark.usefixtures("no_figures")
def test_trials_share_the_data_and_what_stands_in_for_it_is_said_once(tmp_path, capfd):
    missing = tmp_path / "none.npz"
    dataset = {"name": "mnist", "path": str(missing), "if_unavailable": "digits"}
    base = BASE | {"data_config": BASE["data_config"] | {"dataset": dataset}}
    section = {"sampler": "grid", "reports": 2, "keys": {RATE: {"choice": [1e-3, 1e-2]}}}
    path = write_sweep(tmp_path, section, base=base)
    assert main(["sweep", "--config", str(path), "--output", str(tmp_path / "out")]) == 0
    assert capfd.readouterr().out.count(f"no file {missing}") == 1
    for trial in ("0000", "0001"):
        environment = read_json(tmp_path / "out" / "trials" / trial / "environment.json")
        assert [each["used"] for each in environment["substitutions"]] == ["digits"]

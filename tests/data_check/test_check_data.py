"""The check of a folder whose flaws are known, from the command line."""

import numpy as np
import pytest
import yaml

from framework.cli.main import main
from framework.data_check.feature_analysis import find_neighbors, predict_out_of_fold
from tests.helpers.browsers import find_violations
from tests.helpers.flawed_folder import write_flawed_folder
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_mobilenet import make_mobilenet_config

COLUMNS = ["split", "index_or_path", "label", "issue", "suggested_label_or_twin", "score"]


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A finished check: its directory, the config, the flaws and the console's text."""
    folder = tmp_path_factory.mktemp("flawed")
    flaws = write_flawed_folder(folder / "pictures")
    values = make_mobilenet_config({"epochs": 1})
    values["data_config"] = {"dataset": {"name": "folder", "path": str(folder / "pictures")}}
    values["model_configuration"]["model_top_config"]["digit"]["initializing_parameters"] = {
        "units": "classes", "activation": "softmax",
    }  # fmt: skip
    config = folder / "mine.yaml"
    config.write_text(yaml.safe_dump(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRANSFER_FRAMEWORK_CACHE", str(folder / "cache"))
        command = ["check-data", "--config", str(config)]
        assert main([*command, "--output", str(folder / "check")]) == 0
        yield folder / "check", config, flaws


def test_every_flaw_is_listed_with_its_kind_and_its_twin(checked):
    directory, _, flaws = checked
    rows = read_rows(directory / "data_issues.csv")
    assert list(rows[0]) == COLUMNS
    found = {(row["index_or_path"], row["issue"], row["suggested_label_or_twin"]) for row in rows}
    for name, (issue, other) in flaws.items():
        assert (name, issue, other) in found or (other, issue, name) in found, name


def test_sound_pictures_are_rarely_listed(checked):
    directory, _, flaws = checked
    known = {*flaws, *(other for _, other in flaws.values())}
    others = [
        row for row in read_rows(directory / "data_issues.csv") if row["index_or_path"] not in known
    ]
    assert len(others) <= 5, others


def test_the_worst_come_first_and_scores_are_shares(checked):
    rows = read_rows(checked[0] / "data_issues.csv")
    assert rows[0]["issue"] == "duplicate with another label"
    scores = [float(row["score"]) for row in rows if row["issue"] == "label error"]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= float(row["score"]) <= 1 for row in rows)


def test_a_run_leaves_out_what_was_marked_and_says_so(checked, tmp_path, capsys):
    directory, config, _flaws = checked
    rows = read_rows(directory / "data_issues.csv")
    rows = [row for row in rows if row["issue"] in ("label error", "duplicate across splits")]
    marked = tmp_path / "marked.csv"
    lines = [",".join(COLUMNS), *(",".join(row.values()) for row in rows)]
    marked.write_text("\n".join(lines) + "\n")

    options = ["--set", f"data_config.dataset.exclude={marked}", "--output", str(tmp_path / "run")]
    assert main(["--config", str(config), *options]) == 0

    count = len({row["index_or_path"] for row in rows})
    before = 2 * (40 + 12) + 2 + 1 + 1 + 1 + 5
    metrics = read_json(tmp_path / "run" / "metrics.json")
    used = sum(
        row["support"]
        for split in ("training", "validation", "test")
        for row in metrics[split]["per_class"].values()
    )
    assert used == before - count
    text = capsys.readouterr().out
    assert f"left out, as {marked} says: " in text
    assert "identical to a training image" not in text
    assert "test/left/copy.png" not in (tmp_path / "run" / "predictions_test.csv").read_text()


def test_a_run_finds_the_features_that_a_check_stored(checked, tmp_path, capsys):
    _, config, _ = checked
    assert main(["--config", str(config), "--output", str(tmp_path / "run")]) == 0
    assert "are there already" in capsys.readouterr().out


def test_marked_pictures_are_saved_from_the_page(checked, browser, tmp_path):
    directory, _, _ = checked
    window = browser.new_page()
    window.goto(f"file://{directory / 'data_report.html'}")
    assert find_violations(window) == []
    window.set_viewport_size({"width": 390, "height": 844})
    assert find_violations(window) == []
    button = window.get_by_role("button", name="Save the marked rows")
    assert button.is_disabled()
    boxes = window.locator("input[data-row]")
    boxes.nth(0).check()
    boxes.nth(2).check()
    assert window.locator("#marked").inner_text() == "2 marked"
    with window.expect_download() as download:
        button.click()
    saved = tmp_path / "saved.csv"
    download.value.save_as(saved)
    rows = read_rows(saved)
    assert list(rows[0]) == COLUMNS
    every = read_rows(directory / "data_issues.csv")
    assert len(rows) == 2
    assert all(row in every for row in rows)
    window.close()


@pytest.mark.usefixtures("checked")
def test_cleanlab_is_named_where_it_is_missing(checked, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("framework.utils.optional_dependencies.find_spec", lambda name: None)
    command = ["check-data", "--config", str(checked[1]), "--labels", "confident_learning"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "needs cleanlab. Install with: pip install" in error
    assert not (tmp_path / "out").exists()


def test_cleanlab_finds_the_wrong_labels_too(checked, tmp_path):
    command = ["check-data", "--config", str(checked[1]), "--labels", "confident_learning"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    errors = {
        row["index_or_path"]
        for row in read_rows(tmp_path / "out" / "data_issues.csv")
        if row["issue"] == "label error"
    }
    assert {"train/top/90.png", "train/top/91.png"} <= errors


class FixedFeatures:
    """Features that are in memory, in blocks."""

    name = "fixed"

    def __init__(self, rows):
        self.rows = rows

    def stream(self):
        yield from np.array_split(self.rows, 7)


@pytest.mark.parametrize("few", [1000, 10])
def test_both_forms_predict_out_of_fold_alike(few, monkeypatch):
    monkeypatch.setattr("framework.data_check.feature_analysis.FEW_IMAGES", few)
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 200)
    rows = (random.normal(0, 1, (200, 20)) + 3 * np.eye(3, 20)[labels]).astype(np.float32)
    probabilities = predict_out_of_fold(FixedFeatures(rows), labels, 3, seed=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9


def test_the_neighbor_of_a_copy_is_its_original():
    rows = np.random.default_rng(0).normal(0, 1, (50, 30)).astype(np.float32)
    rows[49] = rows[3]
    distances, positions = find_neighbors(FixedFeatures(rows), 5)
    assert positions[49, 0] == 3
    assert positions[3, 0] == 49
    assert distances[49, 0] < 1e-3 < distances[49, 1]

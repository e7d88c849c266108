import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binom

from framework.config import dump_config
from framework.errors import RunError, UsageError
from framework.evaluation.comparison.compare_runs import compare_runs
from framework.evaluation.comparison.comparison_figures import plot_accuracies, plot_overlaid_curves
from framework.evaluation.comparison.mcnemar import compare_pairs, format_p_value
from framework.evaluation.comparison.metrics_table import COLUMNS, make_metrics_table
from framework.evaluation.metrics.classification_metrics import compute_metrics
from framework.evaluation.report.prediction_files import write_predictions
from framework.evaluation.report.report_inputs import SPLITS
from framework.runs.records import list_differences, load_runs
from tests.helpers.fake_results import DIGITS, SUBJECT, make_config, make_history, make_predictions
from tests.helpers.figure_asserts import find_cut_off, find_overlaps


def write_run(directory, accuracy=0.9, epochs=12, test="fingerprint", seed=0):
    """Writes what `compare` reads of a run directory."""
    directory.mkdir(parents=True)
    predictions = make_predictions(np.arange(400) % 10, accuracy=accuracy, seed=seed)
    scores = compute_metrics(predictions, DIGITS)
    history = make_history(epochs)
    environment = {
        "subject": SUBJECT,
        "python": "3.11.2",
        "substitutions": [],
        "data": {"name": "digits", "test": test},
    }
    metrics = {
        **dict.fromkeys(SPLITS, scores),
        "parameters": {"trainable": 5130},
        "timing": {"data": 0.5, "training": 19.75},
    }
    write_predictions(directory / "predictions_test.csv", predictions, DIGITS)
    with (directory / "history.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, history[0])
        writer.writeheader()
        writer.writerows(history)
    for name, content in (
        ("config", dump_config(make_config(epochs=epochs))),
        ("environment", environment),
        ("metrics", metrics),
    ):
        (directory / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    write_run(folder / "vgg16" / "first", accuracy=0.85)
    write_run(folder / "vgg16" / "second", accuracy=0.99, epochs=5)
    return folder


def read_csv(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_runs_in_a_folder_are_compared_and_the_best_marked(results):
    text = compare_runs([results])
    lines = text.splitlines()
    assert lines[0].split()[:3] == ["run", "test", "accuracy"]
    assert lines[1].startswith("second")
    assert lines[2].startswith("first")
    assert "%*" in lines[1]
    assert "%*" not in lines[2]
    assert "training_config.epochs       5     12" in text
    assert "batch_size" not in text


def test_the_table_holds_the_figures_and_what_differs(results):
    compare_runs([results])
    rows = read_csv(results / "vgg16" / "comparison.csv")
    assert [row["run"] for row in rows] == ["second", "first"]
    for row in rows:
        metrics = json.loads((results / "vgg16" / row["run"] / "metrics.json").read_text())
        assert float(row["test_accuracy"]) == metrics["test"]["accuracy"]
        assert [float(row["low"]), float(row["high"])] == metrics["test"]["accuracy_interval"]
        assert float(row["seconds"]) == pytest.approx(20.25)
    assert [row["training_config.epochs"] for row in rows] == ["5", "12"]
    assert len([key for key in rows[0] if key.startswith("training_config")]) == 1


def test_the_page_is_self_contained_and_holds_the_tests(results, tmp_path):
    text = compare_runs([results], tmp_path / "new")
    page = (tmp_path / "new" / "comparison.html").read_text(encoding="utf-8")
    assert text.endswith(f"Look at {tmp_path / 'new' / 'comparison.html'}")
    assert page.count("data:image/png;base64,") == 2
    assert "<script" not in page
    assert "http" not in page
    (pairing,) = compare_pairs(
        load_runs([results / "vgg16" / name for name in ("first", "second")])
    )
    assert f'<data value="{pairing.p_value}">' in page


def test_mcnemar_is_the_binomial_test_of_the_images_only_one_got_right(results):
    directories = [results / "vgg16" / name for name in ("first", "second")]
    (pairing,) = compare_pairs(load_runs(directories))
    first, second = (
        {row["index"] for row in read_csv(d / "predictions_test.csv")
         if row["true"] == row["predicted"]}
        for d in directories
    )  # fmt: skip
    assert (pairing.only_first, pairing.only_second) == (len(first - second), len(second - first))
    fewer, split = min(pairing.only_first, pairing.only_second), len(first ^ second)
    assert pairing.p_value == pytest.approx(2 * binom.cdf(fewer, split, 0.5))


def test_equal_runs_do_not_differ(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    (pairing,) = compare_pairs(load_runs([tmp_path / "a", tmp_path / "b"]))
    assert pairing.p_value == 1.0
    assert "Differences" not in compare_runs([tmp_path])


def change_environment(directory, **changes):
    path = directory / "environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("accuracy", "changes", "said"),
    [
        (0.9, {}, "and the same results to the last bit."),
        (0.9, {"threads": 8}, "and the same results to the last bit."),
        (
            0.8,
            {"threads": 8, "packages": {"keras": "4.0"}, "notes": ["odd"]},
            "but other results. What differs in the environment may be why: threads (–, 8); "
            "packages.keras (–, 4.0).",
        ),
        (
            0.8,
            {"notes": ["odd"]},
            "but other results, and no difference in the environment is known that could be why.",
        ),
    ],
)
def test_equal_work_has_equal_results_or_a_reason_is_given(tmp_path, accuracy, changes, said):
    write_run(tmp_path / "a", accuracy=0.9)
    write_run(tmp_path / "b", accuracy=accuracy)
    change_environment(tmp_path / "b", **changes)
    sentence = f"a, b: the same config and data, {said}"
    assert sentence in compare_runs([tmp_path]).splitlines()
    assert f"<p>{sentence}</p>" in (tmp_path / "comparison.html").read_text(encoding="utf-8")


def test_a_run_that_lost_its_history_is_compared_by_its_metrics(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    (tmp_path / "b" / "history.csv").unlink()
    assert (
        "a, b: the same config and data, and the same metrics to the last bit. There is no history "
        "to compare of b."
    ) in compare_runs([tmp_path]).splitlines()


@pytest.mark.parametrize(
    ("accuracy", "said"),
    [
        (0.9, "and the same results to the last bit."),
        (
            0.8,
            "but other results. They trained nothing, and the saved model that they evaluated may "
            "have been another one each time.",
        ),
    ],
)
def test_evaluations_differ_by_their_model(tmp_path, accuracy, said):
    for name, value in (("a", 0.9), ("b", accuracy)):
        write_run(tmp_path / name, accuracy=value)
        (tmp_path / name / "history.csv").unlink()
        path = tmp_path / name / "config.json"
        config = json.loads(path.read_text())
        config["training_config"]["enable_training"] = False
        path.write_text(json.dumps(config))
    assert f"a, b: the same config and data, {said}" in compare_runs([tmp_path]).splitlines()


def test_runs_on_other_images_are_not_tested_against_each_other(results):
    write_run(results / "vgg16" / "third", test="other images")
    text = compare_runs([results])
    assert "not comparable: third." in text
    assert "data.test" in text


def test_of_many_runs_only_the_best_is_paired_with_each(tmp_path):
    for place in range(9):
        write_run(tmp_path / f"run{place}", accuracy=0.8 + 0.02 * place, seed=place)
    pairings = compare_pairs(load_runs(sorted(tmp_path.iterdir())))
    assert [(pairing.first, pairing.second) for pairing in pairings] == [
        ("run0", f"run{place}") for place in range(1, 9)
    ]


def test_an_unfinished_run_is_passed_over_and_one_run_is_too_few(results):
    (results / "vgg16" / "first" / "metrics.json").unlink()
    with pytest.raises(UsageError, match=r"is one run. Name at least two"):
        compare_runs([results])
    with pytest.raises(UsageError, match="there is no finished run in it"):
        compare_runs([results / "vgg16" / "first"])


def test_a_run_named_twice_counts_once(results):
    with pytest.raises(UsageError, match="is one run"):
        compare_runs([results / "vgg16" / "first", results / "vgg16" / "first" / ".." / "first"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b"\xff{", "cannot be read: 'utf-8'"),
        ("config.json", b"[]", "it holds no object"),
        ("metrics.json", b'{"test": {}}', "it lacks validation, parameters, timing"),
        ("predictions_test.csv", b"", "it lacks index, true, predicted"),
        ("predictions_test.csv", b"index,true\n1,2\n", "it lacks predicted"),
        ("environment.json", None, "No such file"),
    ],
)
def test_a_damaged_run_is_one_message(results, name, content, message):
    path = results / "vgg16" / "first" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(RunError, match=f"{name}: cannot be read: .*") as caught:
        compare_runs([results])
    assert message in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_message(results):
    (results / "taken").write_text("a file")
    with pytest.raises(RunError, match="taken: cannot be made: File exists"):
        compare_runs([results], results / "taken")


def test_a_run_that_did_not_train_has_no_curve(results):
    (results / "vgg16" / "first" / "history.csv").unlink()
    text = compare_runs([results])
    assert "–*" not in text
    rows = read_csv(results / "vgg16" / "comparison.csv")
    assert [row["epochs"] for row in rows] == ["5", ""]


def test_comparing_needs_no_tensorflow():
    code = (
        "import sys, framework.evaluation.comparison.compare_runs\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_differences_go_down_to_single_keys():
    differences = list_differences([{"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "d": None}}])
    assert differences == {"a.c": ["2", None], "a.d": [None, "null"]}


def set_values(directory, name, **changes):
    """Changes values of a run's file, by their dotted keys with `__` for the dot."""
    path = directory / name
    content = json.loads(path.read_text())
    for key, value in changes.items():
        *sections, last = key.split("__")
        place = content
        for section in sections:
            place = place[section]
        place[last] = value
    path.write_text(json.dumps(content))


def read_best(folder):
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    return page.count('class="n best"')


def test_nothing_is_the_best_on_other_images_or_by_another_loss(results):
    compare_runs([results])
    assert read_best(results / "vgg16") > 3
    first = results / "vgg16" / "first"
    set_values(first, "config.json", training_config__loss={"name": "kl_divergence"})
    text = compare_runs([results])
    by_header = dict(
        zip(
            COLUMNS, make_metrics_table(load_runs([first, first.parent / "second"]))[1], strict=True
        )
    )
    assert {column.name for column, cell in by_header.items() if cell.best} == {
        "test_accuracy",
        "test_macro_f1",
        "validation_accuracy",
    }
    set_values(first, "environment.json", data__test="others")
    set_values(first, "metrics.json", parameters__trainable=10)
    text = compare_runs([results])
    assert "%*" not in text
    assert "10*" in text


def test_what_a_run_lacks_is_an_empty_cell(results):
    set_values(results / "vgg16" / "first", "config.json", training_config__extra=3)
    compare_runs([results])
    rows = read_csv(results / "vgg16" / "comparison.csv")
    assert [row["training_config.extra"] for row in rows] == ["", "3"]


def test_values_that_begin_alike_are_told_apart_and_passwords_hidden(results):
    common = "https://me:secret@example.org/a/rather/long/path/to/something"
    for name, end in (("first", "/a"), ("second", "/b")):
        tracking = {"name": "mlflow", "uri": common + end}
        set_values(results / "vgg16" / name, "config.json", training_config__tracking=tracking)
    text = compare_runs([results])
    (line,) = (each for each in text.splitlines() if each.startswith("training_config.tracking"))
    assert line.split()[1] != line.split()[2]
    for written in (text, *(path.read_text() for path in (results / "vgg16").glob("comparison.*"))):
        assert "secret" not in written


def test_a_layer_is_one_difference_for_people(results):
    top = {
        "new": {
            "layer_type": "Dense",
            "initializing_parameters": {"units": 7},
            "input_layer": "backbone",
        }
    }
    set_values(
        results / "vgg16" / "first", "config.json", model_configuration__model_top_config=top
    )
    text = compare_runs([results])
    assert "Dense(units=7) on backbone" in text
    page = (results / "vgg16" / "comparison.html").read_text(encoding="utf-8")
    assert "Dense(units=7) on backbone" in page
    assert "initializing_parameters" not in page
    header = read_csv(results / "vgg16" / "comparison.csv")[0]
    assert "model_configuration.model_top_config.new.initializing_parameters.units" in header


def test_the_order_of_a_sweep_is_kept_and_its_reports_are_linked(results):
    folder = results / "vgg16"
    (folder / "first" / "report.html").write_text("a report")
    text = compare_runs([folder / "first", folder / "second"], order="val_accuracy")
    assert text.splitlines()[1].startswith("first")
    assert "ordered by val_accuracy" in text
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "Ordered by val_accuracy" in page
    assert '<a href="first/report.html">first</a>' in page
    assert '<td class="name">second</td>' in page


def test_fifty_runs_are_readable_on_a_console(tmp_path):
    for place in range(50):
        write_run(tmp_path / f"run{place:02d}", accuracy=0.5 + 0.01 * place, epochs=1 + place % 7)
    lines = compare_runs([tmp_path]).splitlines()
    assert len(lines) < 70
    tables = [line for line in lines if not line.endswith((".", ".html"))]
    assert max(map(len, tables)) <= 120
    assert "... and 30 more runs in comparison.html" in lines
    (epochs,) = (line for line in lines if line.startswith("training_config.epochs"))
    assert "  1 (8), " in epochs
    assert epochs.endswith(" and 3 other values")
    assert len(read_csv(tmp_path / "comparison.csv")) == 50


def test_small_p_values_are_not_zero():
    assert [format_p_value(p) for p in (0.0, 0.0421, 1.0)] == ["< 0.001", "0.042", "1.000"]


def test_overlaid_curves_are_the_histories():
    short = make_history(1)
    long = make_history()
    figure = plot_overlaid_curves({"short": short, "long": long, "loaded": []})
    losses = figure.axes[0].lines
    assert list(losses[1].get_ydata()) == [row["val_loss"] for row in long]
    assert losses[0].get_marker() == "o"
    assert "1 without a training of their own left out" in figure.texts[1].get_text()
    assert find_cut_off(figure) == []


def test_runs_beyond_the_looks_are_faint_and_that_is_said():
    histories = {f"run {place}": make_history() for place in range(20)}
    figure = plot_overlaid_curves(histories)
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines[:14]}
    assert len(looks) == 14
    assert "the 14 with the best test accuracy in color" in figure.texts[1].get_text()
    assert find_cut_off(figure) == []
    assert find_overlaps(figure) == []


def test_accuracies_show_their_intervals():
    figure = plot_accuracies({"a": (0.9, 0.85, 0.93), "b" * 60: (0.8, 0.7, 0.9)})
    (segments,) = (bars.get_segments() for bars in figure.axes[0].collections)
    assert segments[0][:, 0] == pytest.approx([0.85, 0.93])
    assert find_cut_off(figure) == []

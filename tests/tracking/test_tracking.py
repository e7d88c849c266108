"""Runs recorded by MLflow and TensorBoard, and read back through them."""

import http.server
import os
import signal
import threading

import numpy as np
import pytest
import yaml

import framework
from framework.cli.main import main
from tests.helpers.program import read_rows
from tests.helpers.small_runs import CONFIG, Runner, assert_same_run

pytestmark = pytest.mark.long

VALUES = yaml.safe_load(CONFIG.replace("1e-4", "1.0e-4"))
TRACKING = "training_config.tracking"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Works in a folder of its own, where the local database is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def read_run(uri=None):
    """Return MLflow's client and the newest run of the default experiment."""
    import mlflow

    client = mlflow.MlflowClient(uri or f"sqlite:///{os.getcwd()}/results/mlflow.db")
    experiment = client.get_experiment_by_name("transfer-framework")
    return client, client.search_runs([experiment.experiment_id])[0]


def test_what_mlflow_holds_is_what_the_run_holds(place, small_run):
    import mlflow

    run = framework.train(VALUES, {TRACKING: "mlflow"}, place / "run")
    client, recorded = read_run()
    assert recorded.info.status == "FINISHED"
    assert recorded.data.params["training_config.epochs"] == "4"
    assert recorded.data.params["model_configuration.model_name"] == "MobileNet"
    assert recorded.data.params["optimizer_name"].startswith("adam")
    for column in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"):
        values = client.get_metric_history(recorded.info.run_id, column)
        found = {each.step: each.value for each in values}
        rows = read_rows(run.directory / "history.csv")
        expected = {number: float(row[column]) for number, row in enumerate(rows)}
        assert found == pytest.approx(expected)
    metrics = recorded.data.metrics
    assert metrics["test.accuracy"] == run.metrics["test"]["accuracy"]
    assert metrics["test.per_class.3.recall"] == run.metrics["test"]["per_class"]["3"]["recall"]
    files = {each.path for each in client.list_artifacts(recorded.info.run_id)}
    assert {"report.html", "metrics.json", "confusion_matrix_test.png", "history.csv"} <= files
    assert not {"model.keras", "UNFINISHED", ".lock"} & files
    # The same bits as without.
    assert_same_run(run.directory, small_run.directory)

    mlflow.set_tracking_uri(f"sqlite:///{place}/results/mlflow.db")
    model = mlflow.pyfunc.load_model(f"runs:/{recorded.info.run_id}/model")
    images = np.random.default_rng(0).uniform(0, 255, (5, 32, 32, 3)).astype(np.float32)
    expected = run.classifier.classifier.model.predict(images, verbose=0)
    np.testing.assert_allclose(model.predict(images), expected, atol=1e-6)
    assert model.metadata.metadata["class_names"] == list("0123456789")


def test_a_server_that_is_away_ends_no_training(place, caplog, monkeypatch):
    caplog.set_level("DEBUG", "framework")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    short = {"training_config.epochs": 1, "training_config.fine_tuning": None}
    run = framework.train(VALUES, {**short, TRACKING: "mlflow"}, place / "run")
    assert "The tracking server 127.0.0.1:9 does not answer" in caplog.text
    assert "results/mlflow.db" in caplog.text
    assert "secret" not in caplog.text
    for path in (place / "run").glob("*.*"):
        assert b"secret" not in path.read_bytes(), path
    _, recorded = read_run()
    assert recorded.data.metrics["test.accuracy"] == run.metrics["test"]["accuracy"]


class Flaky(http.server.BaseHTTPRequestHandler):
    """A proxy of nothing: the first requests are answered, all others are lost."""

    def do_GET(self):
        self.send_error(500)

    do_POST = do_GET  # noqa: N815 (the name of the base class)

    def log_message(self, *words):
        pass


def test_a_server_that_fails_ends_no_training(place, caplog):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        tracking = {"name": "mlflow", "uri": f"http://127.0.0.1:{server.server_port}"}
        short = {"training_config.epochs": 1, "training_config.fine_tuning": None}
        framework.train(VALUES, {**short, TRACKING: tracking}, place / "run")
    finally:
        server.shutdown()
        server.server_close()
    assert "does not answer" in caplog.text
    assert read_run()[1].info.status == "FINISHED"
    assert "MLFLOW_TRACKING_URI" not in os.environ, "the next run would go there"


def test_a_store_that_is_lost_on_the_way_is_replaced_with_all_epochs(place, caplog, monkeypatch):
    import mlflow

    get_run, calls = mlflow.MlflowClient.get_run, []

    def fail(client, run_id):
        calls.append(run_id)
        if "own.db" in mlflow.get_tracking_uri() and len(calls) > 3:
            raise mlflow.MlflowException("gone")
        return get_run(client, run_id)

    monkeypatch.setattr(mlflow.MlflowClient, "get_run", fail)
    tracking = {"name": "mlflow", "uri": f"sqlite:///{place}/own.db"}
    run = framework.train(VALUES, {TRACKING: tracking}, place / "run")
    assert "does not answer: gone." in caplog.text
    client, recorded = read_run()
    found = client.get_metric_history(recorded.info.run_id, "val_loss")
    rows = read_rows(run.directory / "history.csv")
    assert [each.value for each in sorted(found, key=lambda each: each.step)] == pytest.approx(
        [float(row["val_loss"]) for row in rows]
    )


def test_an_interrupted_run_goes_on_in_the_same_record(place, forker):
    import mlflow

    uri = f"sqlite:///{place}/own.db"
    # The program works in another folder, where MLflow would put its files.
    files = (place / "files").as_uri()
    mlflow.MlflowClient(uri).create_experiment("transfer-framework", artifact_location=files)
    config = place / "config.yaml"
    tracking = f"training_config:\n  tracking: {{name: mlflow, uri: '{uri}'}}"
    config.write_text(CONFIG.replace("training_config:", tracking))
    runner = Runner(forker, config, place / "run")
    runner.interrupt(2, signal.SIGKILL)
    runner.finish()
    client, recorded = read_run(uri)
    assert recorded.info.status == "FINISHED"
    assert len(client.search_runs([recorded.info.experiment_id])) == 1
    values = client.get_metric_history(recorded.info.run_id, "val_loss")
    rows = read_rows(place / "run" / "history.csv")
    assert {each.step for each in values} == set(range(len(rows)))


def test_the_trials_of_a_sweep_are_nested(place, capsys):
    values = {
        **VALUES,
        "training_config": {"epochs": 1, "tracking": "mlflow"},
        "sweep_config": {
            "sampler": "grid",
            "reports": 0,
            "keys": {"training_config.optimizer.learning_rate": {"choice": [0.01, 0.001]}},
        },
    }
    (place / "sweep.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    assert main(["sweep", "--config", "sweep.yaml", "--output", "sweep"]) == 0
    client, _ = read_run()
    experiment = client.get_experiment_by_name("transfer-framework").experiment_id
    runs = client.search_runs([experiment])
    trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(trials) == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {parent.info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    files = {each.path for each in client.list_artifacts(parent.info.run_id)}
    assert {"ranking.csv", "best.json"} <= files


def test_tensorboard_holds_epochs_and_pictures(place):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    short = {"training_config.epochs": 2, "training_config.fine_tuning": None}
    run = framework.train(VALUES, {**short, TRACKING: "tensorboard"}, place / "run")
    results = EventAccumulator(str(run.directory / "logs" / "results")).Reload()
    assert "confusion_matrix_test" in results.Tags()["images"] or results.Tags()["tensors"]
    validation = EventAccumulator(str(run.directory / "logs" / "validation")).Reload()
    assert "epoch_loss" in validation.Tags()["tensors"]


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_a_missing_package_is_told_before_anything_is_trained(place, name, capsys, monkeypatch):
    monkeypatch.setattr("framework.utils.optional_dependencies.find_spec", lambda module: None)
    (place / "config.yaml").write_text(CONFIG)
    words = ["--config", "config.yaml", "--set", f"{TRACKING}={name}", "--output", "run"]
    assert main(words) == 1
    assert f"training_config.tracking: '{name}' needs" in capsys.readouterr().err
    assert not (place / "run").exists()

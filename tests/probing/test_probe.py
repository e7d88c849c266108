"""Probes from beginning to end, on the smallest backbone."""

import logging
import re

import numpy as np
import pytest
import yaml

import framework
from framework.cli.main import main
from framework.config import load_config, resolve_config
from framework.data.images import Images
from framework.data.registry import load_digits
from framework.errors import RunError, UsageError
from framework.experiment import RunOptions, start_experiment
from framework.features.store_entry import StoreEntry
from framework.probing import pooling
from framework.probing.backbone_probe import ProbeSettings
from framework.probing.linear_probe import LinearProbe, draw_shots
from framework.probing.probe import run_probe
from tests.helpers.program import read_json, read_rows
from tests.helpers.small_mobilenet import make_mobilenet_config

LAYERS = ("conv_pw_1_relu", "conv_pw_2_relu", "conv_pw_13_relu")
CONFIG = make_mobilenet_config({"epochs": 7})
NO_ARGUMENTS = ("--set", "model_configuration.model_arguments=null")
COLUMNS = "backbone layer pooling features shots validation_accuracy low high seconds".split()


def make_config(values=CONFIG, **data):
    return resolve_config({**values, "data_config": {**values["data_config"], **data}})


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Probe a config with a feature store of the test's own."""
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(tmp_path / "cache"))
    numbers = iter(range(9))

    def start(config=None, layers=LAYERS, **settings):
        settings = ProbeSettings(layers, **settings)
        output = tmp_path / f"probe{next(numbers)}"
        return run_probe(config or make_config(), "x", settings, output)

    return start


def without_times(path):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)]


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """A probe from the command line: its directory."""
    folder = tmp_path_factory.mktemp("probe")
    config = folder / "mine.yaml"
    config.write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    options = ["--layers", ",".join(LAYERS), "--shots", "5,all", "--output", str(folder / "p")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRANSFER_FRAMEWORK_CACHE", str(folder / "cache"))
        assert main(["probe", "--config", str(config), *options]) == 0
        yield folder / "p"


class TestResults:
    def test_every_layer_pooling_and_number_has_a_row(self, probed):
        rows = read_rows(probed / "probe.csv")
        assert list(rows[0]) == COLUMNS
        expected = [
            (layer, way, shots) for layer in LAYERS for way in ("flatten", "average")
            for shots in ("5", "all")
        ]  # fmt: skip
        assert [(row["layer"], row["pooling"], row["shots"]) for row in rows] == expected
        for row in rows:
            low, middle, high = (
                float(row[name]) for name in ("low", "validation_accuracy", "high")
            )
            assert 0 <= low <= middle <= high <= 1

    def test_the_console_ends_with_what_to_do_next(self, probed):
        log = (probed / "run.log").read_text()
        assert re.search(r"reaches [\d.]+% of 30 validation images", log)
        assert re.search(
            r"own layer, conv_pw_13_relu, reaches [\d.]+%: it loses [\d.]+ points", log
        )
        assert f"python run.py --config {probed / 'config.yaml'}" in log
        assert len(re.findall("conv_pw_2_relu .* flatten", log)) == 1, (
            "the table has a line a layer"
        )
        assert not (probed / "UNFINISHED").exists()

    def test_the_page_needs_no_other_file(self, probed):
        page = (probed / "probe.html").read_text()
        assert "data:image/png;base64," in page
        assert "it loses" in page
        assert not re.search(r"(src|href)=\"(?!data:)", page)

    def test_the_config_repeats_what_was_measured(self, probed, tmp_path, no_figures):
        config = load_config(probed / "config.yaml")
        assert config.training_config.epochs == 7, "the rest is as it was given"
        layer = config.model_configuration.model_top_config["classes"]
        assert layer.layer_type == "Dense"
        run = start_experiment(config, "x", tmp_path / "run", RunOptions(with_report=False))
        text = (probed / "config.yaml").read_text()
        promised = float(re.search(r"reaches ([\d.]+)% of", text)[1]) / 100
        found = read_json(run / "metrics.json")["validation"]["accuracy"]
        assert found == pytest.approx(promised, abs=0.002)

    def test_the_run_finds_the_features_in_the_store(self, probed, tmp_path, caplog, no_figures):
        with caplog.at_level(logging.INFO, "framework"):
            config = load_config(probed / "config.yaml", ["data_config.limit.test=10"])
            start_experiment(config, "x", tmp_path / "run", RunOptions(with_report=False))
        assert "To compute: 10 of 310 images" in caplog.text, "the test images, and no others"


def test_the_same_probe_computes_nothing_and_has_the_same_results(probe, caplog):
    first = probe()
    caplog.clear()
    with caplog.at_level(logging.INFO, "framework"):
        second = probe()
    assert "All 300 images" in caplog.text
    assert "To compute" not in caplog.text
    tables = [without_times(made.directory / "probe.csv") for made in (first, second)]
    assert tables[0] == tables[1]


def test_features_are_those_of_a_run_to_the_last_bit(probe, tmp_path, no_figures):
    probe(shots=("all",))
    store = tmp_path / "cache" / "features"
    probed = {path.name: path for path in store.glob("*/*.npy")}
    values = {**CONFIG, "training_config": {"solver": {"name": "ridge"}}}
    fresh = {"directory": str(tmp_path / "fresh")}
    for layer in ("conv_pw_1_relu", "conv_pw_13_relu"):
        values["training_config"]["feature_cache"] = fresh
        top = {**CONFIG["model_configuration"]["model_top_config"]}
        top["flat"] = {**top["flat"], "input_layer": layer}
        model = {**CONFIG["model_configuration"], "model_top_config": top}
        config = make_config({**values, "model_configuration": model})
        start_experiment(config, "x", tmp_path / layer, RunOptions(with_report=False))
    # The name of a file is the checksum of its bytes, and its folder's is what it was made of.
    computed = [p for p in (tmp_path / "fresh").glob("*/*.npy") if p.parent.name in _list(store)]
    assert len(computed) >= 4
    assert all(path.name in probed for path in computed)


def _list(store):
    return {path.name for path in store.iterdir()}


def test_a_killed_probe_continues_with_what_is_stored(probe, tmp_path, caplog, monkeypatch):
    written = []
    write = StoreEntry.write_chunk

    def fail_later(self, chunk, arrays):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(self.key)
        write(self, chunk, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(StoreEntry, "write_chunk", fail_later)
        with pytest.raises(Exception, match="Interrupted"):
            probe()
    assert not (tmp_path / "probe0").exists()
    with caplog.at_level(logging.INFO, "framework"):
        assert len(probe().rows) == len(LAYERS) * 2 * 3  # 100 a class is more than there are.
    assert set(written) <= _list(tmp_path / "cache" / "features")


def test_the_test_images_are_not_read(probe, monkeypatch):
    expected = probe()
    read = Images.read

    def refuse(self, positions, view=0):
        assert self.source is not digits.test
        return read(self, positions, view)

    digits = load_digits()
    monkeypatch.setattr("framework.data.registry.load_digits", lambda: digits)
    monkeypatch.setattr(Images, "read", refuse)
    assert [row.validation_accuracy for row in probe().rows] == [
        row.validation_accuracy for row in expected.rows
    ]


def test_large_maps_are_averaged_to_a_grid(probe, monkeypatch):
    monkeypatch.setattr(pooling, "MAX_FEATURES", 1100)
    made = probe(layers=("conv_pw_1_relu",), shots=("all",))
    flat, mean = made.rows
    assert flat.features == 8 * 8 * 16
    assert "8x8x16 of 16x16" in (made.directory / "probe.html").read_text()
    whole = probe_mean(probe, monkeypatch)
    assert mean.validation_accuracy == whole
    top = yaml.safe_load((made.directory / "config.yaml").read_text())
    layers = top["model_configuration"]["model_top_config"]
    if made.best.pooling == "flatten":
        assert layers["grid"]["initializing_parameters"] == {"padding": "same", "pool_size": 2}


def probe_mean(probe, monkeypatch):
    """The accuracy of the averaged maps where nothing is too large."""
    monkeypatch.setattr(pooling, "MAX_FEATURES", 10**6)
    return probe(layers=("conv_pw_1_relu",), shots=("all",)).rows[1].validation_accuracy


def test_several_backbones_are_probed_and_the_config_reads_the_best(probe):
    values = {**CONFIG["model_configuration"], "model_name": "VGG16", "model_arguments": None}
    config = make_config({**CONFIG, "model_configuration": values})
    settings = {"layers": ("block1_pool",), "shots": ("all",), "images": 100}
    made = probe(config, backbones=("VGG19", "VGG16"), **settings)
    assert {row.backbone for row in made.rows} == {"VGG16", "VGG19"}
    config = load_config(made.directory / "config.yaml")
    assert config.model_configuration.model_name == made.best.backbone


@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "DenseNet121", "EfficientNetB0"])
def test_other_backbones_need_no_special_case(probe, name):
    ends = {
        "ResNet50": ("conv2_block1_out", "conv2_block2_out"),
        "MobileNetV2": ("block_1_project_BN", "block_2_add"),
        "DenseNet121": ("conv2_block2_concat", "pool2_pool"),
        "EfficientNetB0": ("block1a_project_bn", "block2b_add"),
    }
    made = probe(layers=ends[name], shots=("all",), backbones=(name,), images=100)
    assert {row.layer for row in made.rows} == set(ends[name])


def make_npz(path, counts):
    """Images whose brightness is their class, `counts` of each."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    bright = 20 + 200 * labels / len(counts)
    pixels = random.integers(0, 20, (len(labels), 8, 8)) + bright[:, None, None]
    pixels = pixels.astype(np.uint8)
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    return {"name": "npz", "path": str(path)}


@pytest.mark.parametrize("counts", [[40, 40], [6] * 100, [60, 60, 3]])
def test_classes_of_any_number_and_size(probe, tmp_path, counts):
    dataset = make_npz(tmp_path / "data.npz", counts)
    config = make_config(dataset=dataset, limit=None, validation_fraction=0.34)
    made = probe(config, layers=("conv_pw_1_relu",), shots=(2, 50, "all"))
    assert {row.shots for row in made.rows} <= {2, 50, "all"}
    assert "all" in {row.shots for row in made.rows}
    assert len(made.rows) >= 4


def test_python_probes_like_the_command(tmp_path, probe):
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    settings = {"layers": "conv_pw_1_relu", "shots": ("all",), "output": tmp_path / "out"}
    made = framework.probe(config, overrides=["data_config.limit.train=200"], **settings)
    assert [row.layer for row in made.rows] == ["conv_pw_1_relu"] * 2
    assert len(read_rows(made.directory / "probe.csv")) == 2


def test_the_written_config_is_valid_whatever_was_given(probe):
    values = {
        **CONFIG,
        "training_config": {
            "enable_training": False,
            "feature_cache": {"augmented_views": "fresh"},
            "fine_tuning": {"unfreeze_from": "conv_pw_13"},
        },
        "report_config": {"feature_maps": ["flat", "conv_pw_1_relu"]},
    }
    config = make_config(values, data_augmentation={"rotation_range": 10})
    made = probe(config, layers=("conv_pw_1_relu",), shots=("all",))
    written = load_config(made.directory / "config.yaml")
    assert written.training_config.enable_training
    assert written.report_config.feature_maps == ("conv_pw_1_relu",)


def test_fewer_images_than_classes_are_an_error(probe):
    with pytest.raises(
        UsageError, match=r"--images: expected at least 30, .* 10 classes .* Found 20"
    ):
        probe(images=20)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--layers", "conv_pw_2_rleu"], 2, "Did you mean 'conv_pw_2_relu'?"),
        (["--layers", ","], 2, "expected names separated by commas"),
        (["--shots", "5,none"], 2, "expected a positive integer. Found 'none'"),
        (["--shots", "500"], 2, "--shots: no class has more than"),
        (["--images", "0"], 2, "expected a positive integer"),
        (["--backbones", "VGG61"], 2, "there is no backbone 'VGG61'. Did you mean 'VGG16'?"),
        (["--backbones", "InceptionV3"], 2, "takes no images smaller than 75x75"),
        ([*NO_ARGUMENTS, "--set", "model_configuration.model_name=none"], 2, "'none': without a"),
        (["--set", "training_config.feature_cache.limit_gb=1e-6"], 1, "The features have no room."),
    ],
)
def test_what_cannot_be_probed_is_an_error(tmp_path, capsys, monkeypatch, options, code, message):
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(tmp_path / "cache"))
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    output = tmp_path / "out"
    try:
        found = main(["probe", "--config", str(config), "--output", str(output), *options])
    except SystemExit as error:  # Argparse's own way.
        found = error.code
    said = capsys.readouterr().err
    assert (found, message in said, "Traceback" in said) == (code, True, False), said
    assert not output.exists()


def test_weights_of_one_backbone_are_not_loaded_into_another(probe, tmp_path):
    model = {**CONFIG["model_configuration"], "weights": str(tmp_path / "w.h5")}
    config = make_config({**CONFIG, "model_configuration": model})
    with pytest.raises(UsageError, match=r"the weights .*w.h5 are of MobileNet"):
        probe(config, backbones=("VGG16",))


def test_features_that_are_not_finite_are_an_error():
    probe = LinearProbe(np.arange(4) % 2, np.arange(2), 2, None, {"all": [np.arange(4)]})
    with pytest.raises(RunError, match="not finite"):
        probe.measure(np.full((4, 3), np.nan, np.float32), np.zeros((2, 3), np.float32))


def test_draws_are_stratified_and_seeded():
    labels = np.repeat([0, 1, 2], [50, 20, 3])
    draws = draw_shots(labels, (5, 30, 60, "all"), seed=0)
    assert list(draws) == [5, 30, "all"], "no class has more than 60"
    assert [np.bincount(labels[drawn]).tolist() for drawn in draws[5]] == [[5, 5, 3]] * 3
    assert np.bincount(labels[draws[30][0]]).tolist() == [30, 20, 3]
    assert len({tuple(drawn) for drawn in draws[5]}) == 3
    again = draw_shots(labels, (5,), seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(draws[5], again[5], strict=True))
    assert not np.array_equal(draw_shots(labels, (5,), seed=1)[5][0], draws[5][0])

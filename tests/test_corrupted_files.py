"""Damaged files: each is refused in words or repaired, none is used unnoticed, none is a traceback.

60 of them by default; DAMAGED_INPUTS=1000 makes it a thousand.
"""

import gzip
import os
import struct

import h5py
import keras
import numpy as np
import pytest

from framework.data.sources.emnist import read_idx
from framework.data.sources.npz_archive import load_npz
from framework.errors import FrameworkError
from framework.features.store_entry import FeatureSpec, StoreEntry
from framework.inference.trained_classifier import load_classifier
from framework.models.classifier import Classifier, load_classifier_file, save_classifier
from framework.models.weights import load_weights_file
from framework.runs.run_directory import verify_model_file
from framework.training.checkpoints import (
    CallbackState,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from framework.utils.files import fingerprint_file, write_json


def make_model():
    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Conv2D(2, 3, name="conv")(image)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(image, keras.layers.Dense(2, activation="softmax", name="answer")(x))


class Archive:
    """A data set in one file; the numbers carry checksums."""

    def __init__(self, directory):
        self.path = directory / "data.npz"
        images = np.random.default_rng(0).integers(0, 256, (9, 5, 4), dtype=np.uint8)
        labels = np.arange(9) % 3
        np.savez_compressed(self.path, x_train=images, y_train=labels, x_test=images, y_test=labels)

    def read(self):
        train, test, _ = load_npz(self.path)
        return [train.images, train.labels, test.images, test.labels]


class Idx:
    """One zipped file of EMNIST."""

    def __init__(self, directory):
        self.path = directory / "images.gz"
        pixels = np.random.default_rng(0).integers(0, 256, (9, 5, 5), dtype=np.uint8)
        self.path.write_bytes(
            gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 9, 5, 5) + pixels.tobytes())
        )

    def read(self):
        return [read_idx(self.path.parent, "images", 3)]


class WeightsFile:
    """Weights of a backbone. HDF5 carries no checksums: what still reads as numbers may load."""

    exact = False

    def __init__(self, directory):
        self.path = directory / "backbone.weights.h5"
        self.model = make_model()
        self.model.save_weights(self.path)

    def read(self):
        load_weights_file(self.model, self.path)
        return self.model.get_weights()


class ModelFile:
    """A `.keras` file on its own."""

    def __init__(self, directory):
        self.path = directory / "best.keras"
        save_classifier(Classifier(make_model(), ("no", "yes"), ("image", "conv")), self.path)

    def read(self):
        classifier = load_classifier_file(verify_model_file(self.path))
        assert classifier.class_names == ("no", "yes")
        return classifier.model.get_weights()


class RunModel(ModelFile):
    """The `model.keras` of a run that has noted its fingerprint."""

    def __init__(self, directory):
        super().__init__(directory)
        self.path = self.path.rename(directory / "model.keras")
        write_json(
            directory / "environment.json", {"model": {"sha256": fingerprint_file(self.path)}}
        )


class Record:
    """The records of a run, which are text: a letter of a name may change unnoticed."""

    exact = False

    def __init__(self, directory, name="environment"):
        ModelFile(directory).path.rename(directory / "model.keras")
        units = {"units": "classes", "activation": "softmax"}
        top = {"digit": {"layer_type": "Dense", "initializing_parameters": units}}
        records = {
            "environment": {
                "framework": "0.1.0", "subject": "a network", "data": {"name": "digits"},
            },
            "config": {
                "training_config": {}, "data_config": {},
                "model_configuration": {"model_name": "VGG16", "model_top_config": top},
            },
            "metrics": {"test": {"accuracy": 0.5}},
        }  # fmt: skip
        for record, values in records.items():
            write_json(directory / f"{record}.json", values)
        self.path = directory / f"{name}.json"

    def read(self):
        return load_classifier(self.path.parent).classifier.model.get_weights()


class Metrics(Record):
    def __init__(self, directory):
        super().__init__(directory, "metrics")


class ResolvedConfig(Record):
    def __init__(self, directory):
        super().__init__(directory, "config")


class CheckpointFile:
    """A checkpoint of an interrupted training; a damaged one is ignored, with a warning."""

    def __init__(self, directory):
        self.path = directory / "checkpoint.npz"
        random = np.random.default_rng(0)
        weights = [random.normal(size=(3, 4)), random.normal(size=4)]
        rows = [{"epoch": 1, "loss": 0.5}]
        state = CallbackState(
            {"best": 0.5, "wait": 1}, {"monitor_op": "less"}, {"best_weights": weights}
        )
        save_checkpoint(self.path, Checkpoint("top", 0, False, rows, weights, weights, [state]))

    def read(self):
        checkpoint = load_checkpoint(self.path)
        if checkpoint is None:
            raise FrameworkError("a warning")
        (state,) = checkpoint.callbacks
        text = np.array([str((checkpoint.rows, checkpoint.phase, state.scalars))])
        arrays = state.arrays["best_weights"]
        return [*checkpoint.variables, *checkpoint.optimizer, *arrays, text]


class StoredChunk:
    """A chunk of the feature store: damaged ones are removed and computed again."""

    def __init__(self, directory):
        self.features = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
        self.entry = StoreEntry(directory / "key", {}, 6, 4, (FeatureSpec((3,), "float32"),))
        self.entry.create()
        self.fill()
        self.path = self.entry._paths[1, 0]

    def fill(self):
        for chunk in self.entry.verify():
            self.entry.write_chunk(chunk, [self.features[self.entry.chunk_positions(chunk)]])

    def read(self):
        self.fill()
        return self.entry.read(np.arange(6))


KINDS = [
    Archive, Idx, WeightsFile, ModelFile, RunModel, Record, Metrics, ResolvedConfig,
    CheckpointFile, StoredChunk,
]  # fmt: skip
CASES = max(1, int(os.environ.get("DAMAGED_INPUTS", "60")) // len(KINDS))


def damage(content, random):
    """Flips bytes, cuts, blanks, or repeats a part, as bad disks and broken copies do."""
    size = len(content)
    changed = bytearray(content)
    way = random.integers(5)
    start = int(random.integers(size))
    length = int(random.integers(1, max(2, size // 4)))
    if way == 0:
        for place in random.integers(0, size, random.integers(1, 4)):
            changed[place] ^= 1 << random.integers(8)
    elif way == 1:
        del changed[start:]
    elif way == 2:
        changed[start : start + length] = bytes(len(changed[start : start + length]))
    elif way == 3:
        changed[start:start] = changed[start : start + length]
    else:
        changed[start : start + length] = random.bytes(len(changed[start : start + length]))
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_damaged_files_are_refused_or_repaired(kind, tmp_path):
    target = kind(tmp_path)
    sound = target.path.read_bytes()
    expected = [np.array(array) for array in target.read()]
    for case in range(CASES):
        target.path.write_bytes(damage(sound, np.random.default_rng([case, KINDS.index(kind)])))
        try:
            read = target.read()
        except FrameworkError as error:
            assert str(error), case
            continue
        assert all(np.isfinite(array).all() for array in read if array.dtype.kind == "f"), case
        if getattr(target, "exact", True):
            assert all(map(np.array_equal, read, expected)), case


def test_a_weights_file_with_numbers_that_are_none_is_refused(tmp_path):
    target = WeightsFile(tmp_path)
    with h5py.File(target.path, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        file[names[0]][0] = np.nan

    with pytest.raises(FrameworkError, match="holds numbers that are not finite"):
        target.read()


def test_a_model_of_another_run_is_not_taken_for_this_one(tmp_path):
    target = RunModel(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    target.path.write_bytes(ModelFile(other).path.read_bytes())

    with pytest.raises(FrameworkError, match="is not the file that its run wrote"):
        target.read()


def test_a_model_file_never_runs_code(tmp_path):
    path = tmp_path / "best.keras"
    image = keras.Input((4, 4, 1), name="image")
    code = keras.layers.Lambda(lambda x: x * 2, output_shape=(4, 4, 1))(image)
    save_classifier(Classifier(keras.Model(image, code), ("no",), ("image",)), path)

    with pytest.raises(FrameworkError, match=r"can't be read as a Keras model.*[Ll]ambda"):
        load_classifier_file(path)


def test_no_array_is_read_through_pickle(tmp_path):
    archive, checkpoint = tmp_path / "data.npz", tmp_path / "checkpoint.npz"
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(archive, **{name: np.array([print], dtype=object) for name in names})
    np.savez(checkpoint, header=np.array([print], dtype=object))

    with pytest.raises(FrameworkError, match="holds Python objects, which are not read"):
        load_npz(archive)
    assert load_checkpoint(checkpoint) is None

"""Which images a model was trained, validated and tested on: the file `splits.npz` of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from framework.config import Config, load_run_config
from framework.config.model import DatasetConfig
from framework.config.reserved_files import SPLITS
from framework.data.dataset import Dataset, order_classes
from framework.data.images import Images
from framework.data.registry import load_dataset
from framework.data.sanity_checks import inspect_training
from framework.data.source import digest_pixels
from framework.data.splits import Splits, split_dataset
from framework.errors import ConfigError, RunError
from framework.runs.run_directory import MODEL_FILE
from framework.utils.fallbacks import Fallback
from framework.utils.files import DAMAGED_ARCHIVE, read_json, write_atomically

DatasetLoader = Callable[[DatasetConfig], tuple[Dataset, Fallback | None]]

# Hexadecimal digits of a digest that are kept: 64 bits, since nobody forges images here.
DIGITS = 16
# Of the whole digest of an array's pixels.
PIXEL_DIGITS = 32


def load_for_run(
    directory: Path, config: Config, load_dataset: DatasetLoader
) -> tuple[Dataset, Fallback | None]:
    """Load the images of a run, their classes in the order of a model that there is already.

    Older versions ordered classes with numbers in their names in another way.

    Args:
        directory: The run directory; that of a resumed run has a record of the classes.
        config: If it does not train, its `saved_model` is a file.
        load_dataset: Loads the data set.
    """
    dataset, fallback = load_dataset(config.data_config.dataset)
    if not config.training_config.enable_training:
        directory = Path(str(config.model_configuration.saved_model)).parent
    record = directory / "environment.json"
    names = read_json(record).get("class_names") if record.is_file() else None
    return order_classes(dataset, names or dataset.class_names), fallback


def split_for_run(
    directory: Path, dataset: Dataset, config: Config, load_dataset: DatasetLoader
) -> tuple[Splits, tuple[str, ...]]:
    """Draw the images of a run, and record them in its directory.

    An evaluation leaves out what the loaded model was trained on, and keeps the record of the
    model's run.

    Args:
        directory: The run directory; that of a resumed run has a record.
        dataset: The images.
        config: If it does not train, its `saved_model` is a file.
        load_dataset: Loads the images of the model's run, if that run has no record.

    Returns:
        The images, and remarks on them for the user.

    Raises:
        RunError: There are too few images, those of a resumed run have changed, or an
            evaluation has none left.
    """
    training = config.training_config
    splits = split_dataset(dataset, config.data_config, training.seed)
    notes: tuple[str, ...] = ()
    if training.enable_training:
        _record_training(directory / SPLITS, splits)
    else:
        model = Path(str(config.model_configuration.saved_model))
        splits, notes = _leave_out_known(directory / SPLITS, splits, model, load_dataset)
    remarks = inspect_training(splits.training, splits.validation, training.batch_size)
    return splits, (*notes, *remarks)


def find_unseen(run: Path, images: Images) -> np.ndarray | None:
    """Find the images that a run neither trained nor validated its model on.

    Args:
        run: The run directory.
        images: Any images.

    Returns:
        `(k,)` int64, positions; `None` if it is not known which images the run saw, or if they
        can't be compared, since the run's come from files and these do not.
    """
    record = _find_record(run / MODEL_FILE, load_dataset)
    if record is None:
        return None
    digests = images.digests
    if record.length == PIXEL_DIGITS and len(digests[0]) != record.length:
        # The run's images were arrays; those of files may be the same.
        digests = list(map(digest_pixels, images.source.read(images.indices)))
    if record.length != len(digests[0]):
        return None
    seen = np.concatenate([record.digests["training"], record.digests["validation"]])
    return np.flatnonzero(~np.isin(_shorten(digests), seen))


@dataclass(frozen=True)
class SplitRecord:
    """The digests of a run's images.

    Args:
        digests: Split -> `(n,)` `DIGITS` bytes each, sorted.
        length: Hexadecimal digits of a whole digest. Those of files and of pixels differ in
            it, and can't be compared.
    """

    digests: Mapping[str, np.ndarray]
    length: int

    @classmethod
    def of(cls, splits: Splits) -> SplitRecord:
        """Make the record of some splits."""
        digests = {
            name: np.sort(_shorten(images.digests)) for name, images in splits.by_name().items()
        }
        return cls(digests, len(splits.training.digests[0]))

    @classmethod
    def read(cls, path: Path) -> SplitRecord:
        """Read a record; a `RunError` if it is damaged."""
        try:
            # Opened here, since NumPy leaves a damaged archive open.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                names = ("training", "validation", "test")
                return cls({name: archive[name] for name in names}, int(archive["length"]))
        except (TypeError, *DAMAGED_ARCHIVE) as error:
            raise RunError(
                f"{path} can't be read: {error}. The run directory is damaged."
            ) from error

    def write(self, path: Path) -> None:
        """Write the record."""
        with write_atomically(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream, allow_pickle=False, length=np.array(self.length), **self.digests
            )

    def list_changes(self, other: SplitRecord) -> list[str]:
        """Return how the images of each split differ from those of another record."""
        return [
            f"{name}: {len(mine)} before, {len(found)} now, {np.isin(found, mine).sum()} in both"
            for name, mine in self.digests.items()
            if not np.array_equal(found := other.digests[name], mine)
        ]


def _shorten(digests: Sequence[str]) -> np.ndarray:
    """Return the beginning of each digest, `(n,)` bytes."""
    return np.array([digest[:DIGITS] for digest in digests], dtype=f"S{DIGITS}")


def _record_training(path: Path, splits: Splits) -> None:
    """Write the record of a training; raise a `RunError` if there is one of other images."""
    now = SplitRecord.of(splits)
    if not path.exists():
        now.write(path)
        return
    if changes := SplitRecord.read(path).list_changes(now):
        raise RunError(
            f"{path.parent}: the images have changed since the run began ({'; '.join(changes)}). "
            "It could test on images that it was trained on. Bring back the images as they were, "
            "or start a new run."
        )


def _leave_out_known(
    path: Path, splits: Splits, model: Path, load_dataset: DatasetLoader
) -> tuple[Splits, tuple[str, ...]]:
    """Leave the images that a model was trained on out of the others, and write its record."""
    record = _find_record(model, load_dataset)
    if record is not None:
        record.write(path)
    now = SplitRecord.of(splits)
    if record is None or record.length != now.length:
        return splits, (
            f"it is not known which images {model} was trained on: the test and validation "
            "images may be among them, and the accuracies too high",
        )
    if not record.list_changes(now):
        return splits, ()
    kept = _follow(record, splits)
    notes = []
    if not np.array_equal(kept.training.indices, splits.training.indices):
        notes.append("training and validation images are divided as in the run of the model")
    for name, images in splits.by_name().items():
        left = kept.by_name()[name]
        if not len(left):
            raise RunError(
                f"{model} was trained or validated on these images: of {len(images):,} {name} "
                "images none is left to measure it on. Evaluate it with the images and the "
                f"data_config of its run: {model.with_name('config.json')}"
            )
        if images.source is not splits.training.source and len(left) < len(images):
            notes.append(
                "left out, since the model was trained or validated on them: "
                f"{len(images) - len(left):,} of {len(images):,} {name} images"
            )
    return kept, tuple(notes)


def _follow(record: SplitRecord, splits: Splits) -> Splits:
    """Return splits that agree with a record, as far as it knows their images.

    What was trained on doesn't validate, and what was trained on or validated on doesn't test.
    Where validation images are held out of the training images, the two may change places.
    """
    trained, validated = record.digests["training"], record.digests["validation"]

    def drop(images: Images, known: np.ndarray) -> Images:
        return replace(images, indices=images.indices[~np.isin(_shorten(images.digests), known)])

    training, validation = splits.training, splits.validation
    if training.source is validation.source:
        indices = np.union1d(training.indices, validation.indices)
        pool = replace(validation, indices=indices)
        digests, held_out = _shorten(pool.digests), np.isin(indices, validation.indices)
        held_out = (held_out | np.isin(digests, validated)) & ~np.isin(digests, trained)
        training = replace(training, indices=indices[~held_out])
        validation = replace(validation, indices=indices[held_out])
    else:
        validation = drop(validation, trained)
    return Splits(training, validation, drop(splits.test, np.concatenate([trained, validated])))


def _find_record(model: Path, load_dataset: DatasetLoader) -> SplitRecord | None:
    """Find the record of the run that trained a model; `None` if there is none."""
    path = model.with_name(SPLITS)
    if path.is_file():
        return SplitRecord.read(path)
    environment, config_file = model.with_name("environment.json"), model.with_name("config.json")
    if not (environment.is_file() and config_file.is_file()):
        return None
    # A run of an older version: its images are known if they are still the same.
    data = read_json(environment).get("data", {})
    try:
        config = load_run_config(model.parent)
        if not config.training_config.enable_training:
            return _find_record(Path(str(config.model_configuration.saved_model)), load_dataset)
        dataset, _ = load_for_run(model.parent, config, load_dataset)
        if (dataset.train.fingerprint, dataset.test.fingerprint) != (
            data.get("train"),
            data.get("test"),
        ):
            return None
        seed = config.training_config.seed
        return SplitRecord.of(split_dataset(dataset, config.data_config, seed))
    except (ConfigError, RunError):
        return None

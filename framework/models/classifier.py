"""The whole classifier: a backbone and its declared top, in one flat graph."""

import io
import json
import math
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from framework.config.catalog import COVERAGE
from framework.config.keras_file import RUN_MEMBER
from framework.config.model import Config
from framework.data.fingerprints import fingerprint_arrays
from framework.errors import ConfigError, RunError, first_sentence
from framework.hub.saved_models import load_model
from framework.models.freezing import freeze_layers
from framework.models.novelty import NoveltyDetector
from framework.models.shared_blocks import share_blocks
from framework.models.top import build_top, resolve_units
from framework.models.top_validator import TopValidator
from framework.utils.files import DAMAGED_ARCHIVE, write_atomically

NOVELTY_MEMBER = "novelty.npz"


@dataclass(frozen=True)
class Classifier:
    """A network that takes images in [0, 255], with the names of its classes.

    Args:
        model: From RGB or gray images `(n, rows, columns, channels)` float32 in [0, 255]
            to `(n, classes)` float32.
        class_names: One name for each output, in order.
        backbone_layers: The names of the layers below the declared top.
        novelty: Measures how far images are from the training images; `None` if it is not known.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    backbone_layers: tuple[str, ...]
    novelty: NoveltyDetector | None = None

    def find_threshold(self, coverage: float = COVERAGE) -> float | None:
        """Return the novelty above which an image is unknown; `None` if it is not measured."""
        return self.novelty.find_threshold(coverage) if self.novelty else None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(rows, columns, channels)` of one image."""
        return tuple(self.model.input_shape[1:])

    def list_backbone_layers(self) -> list[keras.Layer]:
        """Return the layers below the declared top, from the input up."""
        return [self.model.get_layer(name) for name in self.backbone_layers]

    def fingerprint_backbone(self) -> str:
        """Return SHA-256 of the weights of the backbone's layers, in hexadecimal."""
        layers = self.list_backbone_layers()
        return fingerprint_arrays(weight for layer in layers for weight in layer.get_weights())

    def count_parameters(self) -> dict[str, int]:
        """Return how many parameters there are: `total`, `trainable`, `non_trainable`."""
        total = self.model.count_params()
        trainable = sum(math.prod(weight.shape) for weight in self.model.trainable_weights)
        return {"total": total, "trainable": trainable, "non_trainable": total - trainable}


def build_classifier(
    config: Config, backbone: keras.Model, class_names: tuple[str, ...], data_name: str = ""
) -> Classifier:
    """Freeze a backbone as the config says, and build the declared top on it.

    Args:
        config: Declares the top.
        backbone: The flat model to build on.
        class_names: Those of the data set.
        data_name: The data set that is really used, if it is not the config's.

    Raises:
        ConfigError: The top does not fit the backbone or the number of classes, or does not
            read the layers that the config wants to train.
    """
    model_config = config.model_configuration
    freeze_layers(backbone.layers, model_config.trainable)
    top = resolve_units(model_config.model_top_config, len(class_names))
    validator = TopValidator(top, config.source_map)
    output = build_top(validator, backbone)
    wanted = config.data_config.dataset.name
    described = repr(wanted)
    if data_name not in ("", wanted):
        described = f"{data_name!r}, used instead of {wanted!r},"
    validator.check_output(tuple(output.shape), len(class_names), described)
    model = keras.Model(backbone.inputs, output, name="classifier")
    # A top that reads only lower layers leaves the upper ones out of the classifier.
    reached = {layer.name for layer in model.layers}
    names = tuple(layer.name for layer in backbone.layers if layer.name in reached)
    _check_trained_layers(config, names)
    return Classifier(model, class_names, names)


def _check_trained_layers(config: Config, layer_names: Collection[str]) -> None:
    """Refuse a config that wants to train backbone layers that the top does not read."""
    wanted: dict[tuple[str, ...], str] = {
        ("model_configuration", "trainable"): config.model_configuration.trainable
    }
    if (fine_tuning := config.training_config.fine_tuning) is not None:
        wanted["training_config", "fine_tuning", "unfreeze_from"] = fine_tuning.unfreeze_from
    problems = [
        config.source_map.make_problem(
            path,
            f"expected a layer that the top reads from, or one below. Found {name!r}, which no "
            "layer of the top depends on.",
        )
        for path, name in wanted.items()
        if name not in ("none", "all", *layer_names)
    ]
    if problems:
        raise ConfigError(problems)


def save_classifier(classifier: Classifier, path: Path) -> None:
    """Write a `.keras` file that plain Keras opens; the class names travel inside."""
    with write_classifier(classifier, path):
        pass


@contextmanager
def write_classifier(classifier: Classifier, path: Path) -> Iterator[Path]:
    """Write a `.keras` file as `save_classifier` does, which appears when the body has ended.

    Yields:
        The file, complete, under another name.
    """
    with write_atomically(path) as unfinished:
        classifier.model.save(unfinished)
        names = {
            "class_names": classifier.class_names,
            "backbone_layers": classifier.backbone_layers,
        }
        with zipfile.ZipFile(unfinished, "a") as archive:
            archive.writestr(RUN_MEMBER, json.dumps(names))
            if classifier.novelty is not None:
                with archive.open(NOVELTY_MEMBER, "w") as member:
                    classifier.novelty.write(member)
        share_blocks(unfinished)
        yield unfinished


def load_classifier_file(path: Path) -> Classifier:
    """Read a `.keras` file written by `save_classifier`, without running code from it.

    Raises:
        RunError: There is no such file, it is damaged, or it holds no classifier.
    """
    if not path.is_file():
        raise RunError(f"There is no model file {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged is not None:
                raise zipfile.BadZipFile(f"{damaged} does not match its checksum.")
            names = json.loads(archive.read(RUN_MEMBER))
            novelty = None
            if NOVELTY_MEMBER in archive.namelist():
                novelty = NoveltyDetector.read(io.BytesIO(archive.read(NOVELTY_MEMBER)))
        model = load_model(path)
    except KeyError as error:
        raise RunError(f"{path} names no classes: it was not written by a run.") from error
    except (TypeError, *DAMAGED_ARCHIVE) as error:
        raise RunError(
            f"{path} can't be read as a Keras model: {first_sentence(error)} "
            "It may be truncated or damaged."
        ) from error
    layers = tuple(names["backbone_layers"])
    return Classifier(model, tuple(names["class_names"]), layers, novelty)


def find_embedding(model: keras.Model) -> keras.KerasTensor | None:
    """Return what the last layer with weights reads; `None` without one that reads one tensor."""
    by_depth = model._nodes_by_depth
    for depth in sorted(by_depth):
        for node in by_depth[depth]:
            if isinstance(node.operation, keras.Layer) and node.operation.weights:
                return node.input_tensors[0] if len(node.input_tensors) == 1 else None
    return None

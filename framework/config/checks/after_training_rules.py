"""What a config must be for calibration and cross-validation."""

from collections.abc import Iterator

from framework.config.catalog import NO_BACKBONE
from framework.config.checks.partial_config import PartialConfig
from framework.config.source_map import KeyPath
from framework.config.violations import Violation, format_mismatch

REASON = "training_config.calibration divides the logits of the last Dense"


def check_calibration(partial: PartialConfig) -> Iterator[Violation]:
    """Yield why a temperature can't be folded into the last layer of the top."""
    trains = partial.read("training_config", "enable_training")
    if partial.read("training_config", "calibration") is None or not trains:
        return
    ends = partial.find_ends()
    if len(ends) != 1 or ends[0].class_name is None:
        return
    layers = {layer.name: layer for layer in partial.list_layers()}
    end, activation = ends[0], ends[0].arguments.get("activation")
    path: KeyPath = (*end.path, "layer_type")
    if end.class_name in ("Softmax", "Activation") and len(end.inputs) == 1:
        if end.class_name == "Softmax":
            activation = "softmax"
        below = layers.get(end.inputs[0])
        if below is None or below.arguments.get("activation") not in (None, "linear"):
            expected = f"a 'Dense' without activation before the softmax: {REASON}"
            yield Violation(path, format_mismatch(expected, end.layer_type))
            return
        end = below
    if end.class_name != "Dense":
        expected = f"a 'Dense' with softmax as the last layer: {REASON}"
        yield Violation((*end.path, "layer_type"), format_mismatch(expected, end.layer_type))
    elif activation != "softmax":
        place = (*ends[0].path, "initializing_parameters", "activation")
        yield Violation(place, format_mismatch(f"'softmax': {REASON}", activation))
    elif end.arguments.get("lora_rank") is not None:
        place = (*end.path, "initializing_parameters", "lora_rank")
        expected = f"null: {REASON}, which has one kernel"
        yield Violation(place, format_mismatch(expected, end.arguments["lora_rank"]))


def check_folds(partial: PartialConfig) -> Iterator[Violation]:
    """Yield what would train below the stored features, which all folds share."""
    trains = partial.read("training_config", "enable_training")
    if partial.read("training_config", "folds") is None or not trains:
        return
    tuning = ("training_config", "fine_tuning")
    if partial.read(*tuning) is not None:
        message = "null: training_config.folds trains the top alone, on features that all share"
        yield Violation(tuning, format_mismatch(message, partial.read(*tuning)))
    trainable = ("model_configuration", "trainable")
    if partial.backbone != NO_BACKBONE and partial.read(*trainable) != "none":
        message = "'none': training_config.folds trains the top alone, on features that all share"
        yield Violation(trainable, format_mismatch(message, partial.read(*trainable)))

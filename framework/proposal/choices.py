"""The choices of a config, each with its reason."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from framework.config.catalog import IMAGENET
from framework.config.class_names import find_class_names
from framework.proposal.image_survey import ImageSurvey
from framework.proposal.machine import Machine
from framework.proposal.network_choice import Network

DIGITS = "digits"
"""The data set that needs no download."""

UNEVEN = 1.5
"""Classes get weights if the largest has so many times the images of the smallest."""

LONG_SECONDS = 60
"""Features that take longer are worth half the precision."""

BATCH, LARGE_BATCH, MANY_IMAGES = 32, 128, 10_000


@dataclass(frozen=True)
class Choice:
    """A value of the config and its reason.

    Args:
        path: The keys that lead to it.
        value: Plain values.
        reason: One or more sentences, for a comment; may be empty.
    """

    path: tuple[str, ...]
    value: Any
    reason: str = ""


def list_choices(
    survey: ImageSurvey, machine: Machine, network: Network, data_path: str | None
) -> list[Choice]:
    """List all choices of a config, in its order.

    Args:
        survey: The images.
        machine: Where they were looked at.
        network: What was chosen for the frozen part.
        data_path: The path of the data set as the config writes it; `None` for a named one.
    """
    return [
        *_choose_precision(machine, network),
        *_choose_training(survey),
        *_choose_data(survey, network, data_path),
        Choice(("model_configuration", "model_name"), network.name, network.why),
        Choice(
            ("model_configuration", "weights"),
            {"name": IMAGENET, "if_unavailable": "random"},
            "Without them the run goes on with random weights, which are much worse, and says so.",
        ),
        Choice(("model_configuration", "model_top_config"), network.top, network.why_top),
    ]


def _choose_precision(machine: Machine, network: Network) -> Iterator[Choice]:
    if machine.has_bfloat16 and not machine.has_gpu and network.feature_seconds > LONG_SECONDS:
        yield Choice(
            ("training_config", "feature_cache"),
            {"precision": "bfloat16"},
            "This processor computes the frozen layers about twice as fast in bfloat16; features "
            "differ by rounding, by a percent or so (docs/performance.md). Take this out where a "
            "processor has no such instructions.",
        )


def _choose_training(survey: ImageSurvey) -> Iterator[Choice]:
    counts = survey.class_counts
    yield Choice(
        ("training_config", "solver"),
        {"name": "ridge", "alpha": "auto"},
        "Only the last layer trains, so that its best weights are computed in closed form, in "
        "seconds. Take this out to train by gradient descent, as for more layers; the next four "
        "keys are for that.",
    )
    yield Choice(("training_config", "epochs"), 50, "At most: the callback ends earlier.")
    many = survey.training_images >= MANY_IMAGES
    yield Choice(
        ("training_config", "batch_size"),
        LARGE_BATCH if many else BATCH,
        f"{survey.training_images:,} training images: "
        + ("large batches are faster." if many else "few, so that small batches learn more."),
    )
    yield Choice(
        ("training_config", "optimizer"),
        {"name": "Adam", "learning_rate": 0.0003},
        "The features are large numbers: small steps.",
    )
    yield Choice(
        ("training_config", "call_backs_conf"),
        {"EarlyStopping": {"patience": 5, "restore_best_weights": True}},
        "Ends when validation stops improving, and takes the weights of the best epoch.",
    )
    if counts.max() >= UNEVEN * counts.min():
        names = survey.dataset.class_names
        yield Choice(
            ("training_config", "class_weight"),
            "balanced",
            f"The classes are uneven: {counts.max():,} training images of "
            f"{names[int(counts.argmax())]!r}, {counts.min():,} of "
            f"{names[int(counts.argmin())]!r}. Each class counts alike.",
        )


def _choose_data(survey: ImageSurvey, network: Network, path: str | None) -> Iterator[Choice]:
    dataset = survey.dataset
    described: dict[str, Any] = {"name": survey.config.name}
    reason = _describe_splits(survey)
    if path is not None:
        described["path"] = path
    elif described["name"] != DIGITS and survey.classes == len(find_class_names(DIGITS) or ()):
        described["if_unavailable"] = DIGITS
        reason += f" Where they can't be had, the run goes on with the {DIGITS}, and says so."
    yield Choice(("data_config", "dataset"), described, reason)
    yield Choice(
        ("data_config", "image_shape"),
        {"image_rows": network.size, "image_columns": network.size, "channel_numbers": 3},
        f"{network.why_size} {'Gray is repeated' if survey.appearance.gray else 'Color: RGB'}"
        f"{' to the three channels that the weights need.' if survey.appearance.gray else '.'}",
    )
    if survey.square_share < 0.95:
        crops = not survey.is_flat
        share = f"{1 - survey.square_share:.0%} of the images are not square"
        yield Choice(
            ("data_config", "resize"),
            {"fit": "crop" if crops else "stretch"},
            f"{share}: "
            + ("the middle is cut out, so that nothing is distorted." if crops
               else "they are stretched, so that no stroke is cut off."),
        )  # fmt: skip
    if dataset.validation is None:
        least = math.ceil(100 * survey.classes / survey.training_images) / 100
        yield Choice(
            ("data_config", "validation_fraction"),
            max(0.1, min(least, 0.5)),
            "There are no validation images: this share of the training images is held out."
            if least <= 0.1
            else f"There are no validation images: the least share that holds one of each of the "
            f"{survey.classes} classes.",
        )
    yield _choose_augmentation(survey)


def _describe_splits(survey: ImageSurvey) -> str:
    dataset = survey.dataset
    counts = [f"{survey.training_images:,} images to train on"]
    if dataset.validation is not None:
        counts.append(f"{len(dataset.validation.labels):,} to validate on")
    counts.append(f"{len(dataset.test.labels):,} to test on")
    sizes = survey.sizes
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    size = f"{low[1]}x{low[0]}"
    if (low != high).any():
        size += f" to {high[1]}x{high[0]}"
    polarity = f", {survey.appearance.polarity}" if survey.appearance.polarity else ""
    return (
        f"{', '.join(counts)}, of {survey.classes} classes, {size} pixels (width x height): "
        f"{survey.kind}{polarity}."
    )


def _choose_augmentation(survey: ImageSurvey) -> Choice:
    path = ("data_config", "data_augmentation")
    if survey.is_flat:
        changes: dict[str, Any] = {
            "rotation_range": 10,
            "width_shift_range": 0.1,
            "height_shift_range": 0.1,
            "zoom_range": 0.1,
        }
        return Choice(path, changes, f"No flips: mirrored {survey.kind} are others, or none.")
    changes = {"rotation_range": 10, "zoom_range": 0.1}
    if survey.kind == "photographs":
        return Choice(
            path,
            {"horizontal_flip": True, **changes},
            "A mirrored photograph shows the same thing; take the flip out if left and right "
            "matter.",
        )
    return Choice(path, changes, "Gray photographs may be medical: left and right may matter.")

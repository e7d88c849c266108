"""Did you mean ...? The likely intention behind a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

MAX_LENGTH = 60
"""Longer texts are no misspelt name."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "acc": ("accuracy",),
    "alpha": ("negative_slope",),
    "augmentation": ("data_augmentation",),
    "batchnorm": ("BatchNormalization",),
    "batch": ("batch_size",),
    "backbone": ("model_name",),
    "callbacks": ("call_backs_conf",),
    "channels": ("channel_numbers",),
    "classweights": ("class_weight",),
    "bce": ("binary_crossentropy",),
    "cce": ("categorical_crossentropy",),
    "colorjitter": ("RandomColorJitter",),
    "columns": ("image_columns",),
    "concat": ("Concatenate",),
    "conv": ("Conv2D",),
    "conv2": ("Conv2D",),
    "crossentropy": ("sparse_categorical_crossentropy",),
    "data": ("data_config", "dataset"),
    "dropout": ("rate",),
    "dropoutrate": ("rate",),
    "fc": ("Dense",),
    "fullyconnected": ("Dense",),
    "gap": ("GlobalAveragePooling2D",),
    "globalpool": ("GlobalAveragePooling2D",),
    "gmp": ("GlobalMaxPooling2D",),
    "height": ("image_rows",),
    "f1": ("f1_score",),
    "flip": ("horizontal_flip",),
    "hflip": ("horizontal_flip",),
    "input": ("input_layer",),
    "inputs": ("input_layer",),
    "kernel": ("kernel_size",),
    "l2regularizer": ("kernel_regularizer",),
    "layers": ("model_top_config",),
    "learningrate": ("learning_rate", "optimizer"),
    "linear": ("Dense",),
    "lr": ("learning_rate", "initial_learning_rate", "optimizer"),
    "maxpool": ("MaxPooling2D",),
    "model": ("model_configuration", "model_name"),
    "mae": ("mean_absolute_error",),
    "mse": ("mean_squared_error",),
    "neurons": ("units",),
    "nadamw": ("AdamW",),
    "numfilters": ("filters",),
    "numunits": ("units",),
    "p": ("rate",),
    "params": ("initializing_parameters",),
    "parameters": ("initializing_parameters",),
    "config": ("initializing_parameters",),
    "arguments": ("initializing_parameters",),
    "pretrained": ("weights",),
    "rotation": ("rotation_range",),
    "rows": ("image_rows",),
    "sgdmomentum": ("SGD",),
    "shear": ("shear_range",),
    "shape": ("image_shape",),
    "size": ("units", "pool_size", "kernel_size"),
    "scce": ("sparse_categorical_crossentropy",),
    "sparsecrossentropy": ("sparse_categorical_crossentropy",),
    "stride": ("strides",),
    "top": ("model_top_config",),
    "topconfig": ("model_top_config",),
    "training": ("training_config", "enable_training"),
    "train": ("enable_training", "training_config"),
    "type": ("layer_type",),
    "class": ("layer_type", "class_name"),
    "classname": ("layer_type", "name"),
    "validationsplit": ("validation_fraction",),
    "valsplit": ("validation_fraction",),
    "vflip": ("vertical_flip",),
    "wd": ("weight_decay",),
    "width": ("image_columns",),
    "zoom": ("zoom_range",),
}
"""What people write -> what it may be called here; both sides are compared folded."""


def suggest_name(found: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was probably meant, if there is one.

    Weighed in this order: case and punctuation, near synonyms, misspellings,
    beginnings that fit one candidate, or one and its longer forms.
    """
    return _suggest(found, tuple(candidates)) if len(found) <= MAX_LENGTH else None


@lru_cache(maxsize=1024)
def _suggest(found: str, candidates: tuple[str, ...]) -> str | None:
    by_folded: dict[str, list[str]] = {}
    for candidate in candidates:
        by_folded.setdefault(_fold(candidate), []).append(candidate)
    folded = _fold(found)
    if folded in by_folded:
        return _choose_spelling(found, by_folded[folded])
    for synonym in SYNONYMS.get(folded, ()):
        if synonym in candidates:
            return synonym
    close = difflib.get_close_matches(folded, by_folded, n=8, cutoff=0.6)
    limit = max(1, (len(folded) + 2) // 4)
    # Of equally near ones the first: EfficientNetB0 rather than B7.
    nearest = sorted(close, key=list(by_folded).index)
    best = min(nearest, key=lambda name: measure_distance(folded, name), default=None)
    if best is not None and measure_distance(folded, best) <= limit:
        return _choose_spelling(found, by_folded[best])
    longer = [name for name in by_folded if name.startswith(folded) and len(folded) > 2]
    shortest = min(longer, key=len, default="")
    if shortest and all(name.startswith(shortest) for name in longer):
        return _choose_spelling(found, by_folded[shortest])
    return None


def _choose_spelling(found: str, spellings: list[str]) -> str:
    """Return the spelling nearest to what was found: snake case for snake case."""
    return min(spellings, key=lambda spelling: measure_distance(found, spelling))


def _fold(name: str) -> str:
    """Return a name without case and punctuation."""
    return "".join(filter(str.isalnum, name)).lower()


def measure_distance(a: str, b: str) -> int:
    """Return the number of typing errors between two texts.

    An error is a letter too many, too few, another one, or two exchanged: the
    optimal string alignment distance (Boytsov 2011, doi:10.1145/1963190.1963191).
    """
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]

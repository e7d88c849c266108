"""Did you mean ...? The likely intention behind a name that does not exist."""

import difflib
from collections.abc import Iterable
from functools import lru_cache

MAX_LENGTH = 60
"""Longer texts are no misspelt name."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "accuracy": ("acc",),
    "AdamW": ("nadamw",),
    "batch_size": ("batch",),
    "BatchNormalization": ("batchnorm",),
    "binary_crossentropy": ("bce",),
    "call_backs_conf": ("callbacks",),
    "categorical_crossentropy": ("cce",),
    "channel_numbers": ("channels",),
    "class_name": ("class",),
    "class_weight": ("classweights",),
    "Concatenate": ("concat",),
    "Conv2D": ("conv", "conv2"),
    "data_augmentation": ("augmentation",),
    "data_config": ("data",),
    "dataset": ("data",),
    "Dense": ("fc", "fullyconnected", "linear"),
    "enable_training": ("train", "training"),
    "f1_score": ("f1",),
    "filters": ("numfilters",),
    "GlobalAveragePooling2D": ("gap", "globalpool"),
    "GlobalMaxPooling2D": ("gmp",),
    "horizontal_flip": ("flip", "hflip"),
    "image_columns": ("columns", "width"),
    "image_rows": ("height", "rows"),
    "image_shape": ("shape",),
    "initial_learning_rate": ("lr",),
    "initializing_parameters": ("arguments", "config", "parameters", "params"),
    "input_layer": ("input", "inputs"),
    "kernel_regularizer": ("l2regularizer",),
    "kernel_size": ("kernel", "size"),
    "layer_type": ("class", "classname", "type"),
    "learning_rate": ("learningrate", "lr"),
    "MaxPooling2D": ("maxpool",),
    "mean_absolute_error": ("mae",),
    "mean_squared_error": ("mse",),
    "model_configuration": ("model",),
    "model_name": ("backbone", "model"),
    "model_top_config": ("layers", "top", "topconfig"),
    "name": ("classname",),
    "negative_slope": ("alpha",),
    "optimizer": ("learningrate", "lr"),
    "pool_size": ("size",),
    "RandomColorJitter": ("colorjitter",),
    "rate": ("dropout", "dropoutrate", "p"),
    "rotation_range": ("rotation",),
    "SGD": ("sgdmomentum",),
    "shear_range": ("shear",),
    "sparse_categorical_crossentropy": ("crossentropy", "scce", "sparsecrossentropy"),
    "strides": ("stride",),
    "training_config": ("train", "training"),
    "units": ("neurons", "numunits", "size"),
    "validation_fraction": ("validationsplit", "valsplit"),
    "vertical_flip": ("vflip",),
    "weight_decay": ("wd",),
    "weights": ("pretrained",),
    "zoom_range": ("zoom",),
}
"""What it is called here -> what people write for it, without case and punctuation."""


def suggest_name(found: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was probably meant, if there is one.

    Weighed in this order: case and punctuation, near synonyms, misspellings,
    beginnings that fit one candidate, or one and its longer forms.
    """
    return _suggest(found, tuple(candidates)) if len(found) <= MAX_LENGTH else None


def format_hint(found: str, candidates: Iterable[str], otherwise: str) -> str:
    """Return `Did you mean 'VGG16'?`, or `otherwise` if no candidate is likely."""
    likely = suggest_name(found, candidates)
    return f"Did you mean {likely!r}?" if likely else otherwise


@lru_cache(maxsize=1024)
def _suggest(found: str, candidates: tuple[str, ...]) -> str | None:
    by_folded: dict[str, list[str]] = {}
    for candidate in candidates:
        by_folded.setdefault(_fold(candidate), []).append(candidate)
    folded = _fold(found)
    if folded in by_folded:
        return _choose_spelling(found, by_folded[folded])
    for name, synonyms in SYNONYMS.items():
        if folded in synonyms and name in candidates:
            return name
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

"""What a config may name, as readable tables."""

import json
from itertools import groupby

from framework.config import catalog
from framework.config.class_names import find_class_names
from framework.config.keras_file import KerasFileError, is_keras_file, read_keras_file
from framework.config.violations import format_unknown
from framework.errors import UsageError
from framework.hub.presets import PREFIX, PresetError, find_preset, is_hub, list_presets
from framework.utils.optional_dependencies import describe_installation
from framework.utils.tables import ConsoleText, TextTable

KINDS = ("backbones", "layers", "callbacks", "optimizers", "losses", "metrics", "datasets")
ACCURACY_SOURCE = "https://keras.io/api/applications/"


def list_catalog(kind: str, name: str | None = None) -> str:
    """Return the table of a kind, or what there is to know of one name in it.

    Args:
        kind: One of `KINDS`.
        name: A name of that kind, such as `Dense`; `None` for all.

    Raises:
        UsageError: There is no such kind or name.
    """
    if kind not in KINDS:
        raise UsageError(format_unknown(f"one of {', '.join(KINDS)}", kind, KINDS))
    if kind == "datasets":
        return _list_datasets(name)
    if name is None:
        return _list_backbones() if kind == "backbones" else _list_entries(kind)
    if kind == "backbones" and is_keras_file(name):
        return _describe_file(name)
    if kind == "backbones" and is_hub(name):
        return _describe_preset(name)
    refused = catalog.list_refusals(kind)
    if name in refused:
        raise UsageError(f"{name} is refused: {refused[name]}")
    names = catalog.list_names(kind)
    if name not in names:
        raise UsageError(format_unknown(f"one of the {kind}", name, names))
    return _describe_backbone(name) if kind == "backbones" else _describe_entry(kind, name)


def _list_entries(kind: str) -> str:
    """Return one line on each entry of a kind, with its other names."""
    entries = catalog.load_catalog()[kind]
    others: dict[str, list[str]] = {}
    for name in catalog.list_names(kind):
        if (own := catalog.find_class_name(kind, name)) != name:
            others.setdefault(own, []).append(name)
    rows = []
    for name, entry in entries.items():
        if "summary" in entry:
            also = f" (also {', '.join(others[name])})" if name in others else ""
            rows.append((name, entry["summary"] + also))
    refused = catalog.list_refusals(kind)
    footer = ("Refused in a config:", TextTable(list(refused.items()), header=False))
    advice = f"Arguments: python run.py list {kind} {rows[0][0]}"
    return ConsoleText(TextTable(rows, header=False), *(footer if refused else ()), advice)


def _describe_entry(kind: str, name: str) -> str:
    """Return a name's summary and a table of its arguments."""
    entry = catalog.find_entry(kind, name)
    rows = [("argument", "takes", "default", "about")]
    arguments = entry["arguments"].items()
    for argument, described in sorted(arguments, key=lambda item: "default" in item[1]):
        default = json.dumps(described["default"]) if "default" in described else "(required)"
        rows.append((argument, described["takes"], default, described.get("about", "")))
    own = catalog.find_class_name(kind, name)
    title = name if own == name else f"{name}, another name of {own}"
    inputs = ""
    if kind == "layers" and (rule := catalog.find_input_rule(name)).form != "single":
        inputs = f"Takes a list of {rule.describe_count()} layers as input_layer.\n"
    return ConsoleText(f"{title}: {entry['summary']}\n{inputs}", TextTable(rows), separator="\n")


def _list_backbones() -> str:
    """Return the backbones with size, smallest image and published accuracy."""
    rows = [("backbone", "parameters", "smallest image", "top-1", "top-5", "weights")]
    for name, entry in catalog.load_catalog()["backbones"].items():
        smallest = entry["smallest_image"]
        rows.append(
            (
                name,
                f"{entry['parameters']:,}",
                f"{smallest}x{smallest}",
                _format_number(entry["imagenet_top1"], "%"),
                _format_number(entry["imagenet_top5"], "%"),
                _format_number(entry["weights_mb"], " MB"),
            )
        )
    return ConsoleText(
        TextTable(rows, right=range(1, 6)),
        "parameters: of the network without its top. top-1, top-5: accuracy on ImageNet's "
        f"validation set, and\nweights: with the top, as published on {ACCURACY_SOURCE}.\n"
        "The path of a .keras file is a backbone, too: python run.py list backbones my.keras\n"
        f'"{catalog.NO_BACKBONE}" means no backbone: the declared top is the whole network.',
        *_list_presets(),
        "Layers: python run.py list backbones VGG16",
    )


def _list_presets() -> list[TextTable | str]:
    """Return KerasHub's presets with size and images, below where they are from and licences."""
    lines: list[TextTable | str] = [
        f"Presets of KerasHub, which is installed by {describe_installation('hub')}:"
    ]
    pages = groupby(list_presets().values(), lambda preset: (preset.page, *preset.terms))
    for (page, licence, gated), presets in pages:
        terms = ", to be accepted there before the first download" if gated else ""
        rows = [
            (
                f"{PREFIX}{preset.name}",
                f"{preset.parameters:,}" if preset.parameters else "",
                f"{preset.image_size}x{preset.image_size}" if preset.image_size else "",
            )
            for preset in presets
        ]
        lines += [
            f"{page}\nLicence: {licence}{terms}",
            TextTable(rows, header=False, right=(1, 2), indent=2),
        ]
    return [
        *lines,
        "Name, parameters (also those of a text encoder, which is not used) and images, which are "
        "resized.\nhub:kaggle://…, hub:hf://… and hub: with the path of a folder are backbones, "
        "too.",
    ]


def _describe_preset(name: str) -> str:
    """Return what is known of a preset, and its layers from the input up.

    Raises:
        UsageError: There is none.
        RunError: It can't be loaded, as its layers ask for.
    """
    try:
        preset = find_preset(name)
    except PresetError as error:
        known = [f"{PREFIX}{each}" for each in list_presets()]
        raise UsageError(format_unknown("a preset of KerasHub", name, known)) from error
    size = f", images of {preset.image_size}x{preset.image_size}" if preset.image_size else ""
    count = f"{preset.parameters:,} parameters" if preset.parameters else "a network of KerasHub"
    terms = "" if preset.is_folder or not preset.family else f"\nLicence: {preset.terms[0]}."
    return ConsoleText(
        f"{name}: {count}{size}, from {preset.page}.{terms}",
        "Layers from the input up:",
        TextTable(list(catalog.load_backbone_layers(name).items()), header=False, indent=2),
    )


def _format_number(value: float | None, unit: str) -> str:
    """Return a published number, or a dash."""
    return "-" if value is None else f"{value}{unit}"


def _describe_backbone(name: str) -> str:
    """Return a backbone's figures, its arguments, and its layers from the input up."""
    entry = catalog.find_entry("backbones", name)
    layers = catalog.load_backbone_layers(name)
    smallest = entry["smallest_image"]
    arguments = [
        (argument, catalog.BACKBONE_ARGUMENTS[argument][0])
        for argument in catalog.list_backbone_arguments(name)
    ]
    return ConsoleText(
        f"{name}: {entry['parameters']:,} parameters without its top, images of at least "
        f"{smallest}x{smallest}.",
        "model_arguments:",
        TextTable(arguments, header=False, indent=2),
        "Layers from the input up:",
        TextTable(list(layers.items()), header=False, indent=2),
    )


def _describe_file(name: str) -> str:
    """Return the image and the layers of the network in a `.keras` file, from the input up."""
    try:
        file = read_keras_file(name)
    except KerasFileError as error:
        raise UsageError(f"{error}.") from error
    sides = " x ".join("any" if side is None else str(side) for side in file.image_shape)
    kept = [f"{nested} is a single layer: {why}." for nested, why in file.kept.items()]
    return ConsoleText(
        f"{name}: images of {sides} (rows, columns, channels).",
        *kept,
        "Layers from the input up:",
        TextTable(list(file.layers.items()), header=False, indent=2),
    )


def _list_datasets(name: str | None) -> str:
    """Return one line on each data set, or on one, with its keys and classes."""
    if name is None:
        return ConsoleText(TextTable(list(catalog.DATASETS.items()), header=False))
    if name not in catalog.DATASETS:
        raise UsageError(format_unknown("one of the datasets", name, catalog.DATASETS))
    lines = [f"{name}: {catalog.DATASETS[name]}"]
    keys = [key for key, names in catalog.DATASET_KEYS.items() if name in names]
    if keys:
        lines.append(f"Keys of its own in data_config.dataset: {', '.join(keys)}")
    if class_names := find_class_names(name):
        lines.append(f"Classes: {', '.join(class_names)}")
    return "\n".join(lines)

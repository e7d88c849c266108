"""Write docs/config.md from the sections that define a config.

python scripts/make_config_docs.py
"""

import html
import json
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from framework.config import catalog, model
from framework.config.fields import ConfigField, list_fields
from framework.config.schema.augmentation_arguments import ARGUMENTS, REFUSED
from framework.config.schema.config_schema import SWEEP, make_schema
from framework.sweeps.definition.sweep_config import SweepConfig

TARGET = Path(__file__).resolve().parent.parent / "docs" / "config.md"

HEAD = """\
# The config

<!-- Written by scripts/make_config_docs.py from framework/config; change those instead. -->

A config is a JSON or YAML file, as its ending says, with three sections and an optional fourth.
`python run.py --config FILE --check` checks it without importing TensorFlow, and reports all
problems at once, each with its line and column.

```json
{
  "training_config": {"epochs": 25, "batch_size": 32},
  "data_config": {"dataset": "mnist", "data_augmentation": {"rotation_range": 10}},
  "model_configuration": {
    "model_name": "VGG16",
    "model_top_config": {
      "flatten": {"layer_type": "Flatten"},
      "dense": {"layer_type": "Dense",
                "initializing_parameters": {"units": "classes", "activation": "softmax"}}
    }
  }
}
```

## In an editor

`python run.py schema > schema.json` writes the JSON Schema (2020-12) of all that follows, every
layer's arguments included, for configs, those that extend another, and sweeps. With
`"$schema": "schema.json"` at the top of a config, an editor completes and checks it while it is
typed. In a clone, VS Code does so for `configs/` after the first `make run`: see
`.vscode/settings.json` (for YAML with Red Hat's extension).

## Overriding and extending

- `--set training_config.epochs=3` overrides any key, and can be repeated. The value is read as
  YAML: `--set 'data_config.limit={train: 2000, test: 1000}'`. An element of a list is named by its
  index, `--set training_config.metrics.0.k=3`. Where the config gives a name alone, as
  `"optimizer": "Adam"`, a key below it keeps the name:
  `--set training_config.optimizer.learning_rate=1e-4`.
- `"extends": "vgg16.json"` takes another config as the base. The path is relative to the file that
  names it, and a base can extend another. Objects are merged key by key; everything else is
  replaced, and so is an object with another `name`, `class_name` or `layer_type` than its base's.
- `null` drops a layer, a callback or an augmentation that the base has.
- The `config.json` of a run directory holds the result, with every default spelled out.

## YAML

YAML is read by version 1.2: `1e-3` is a number, `no` and `on` are strings. Anchors, aliases and the
merge key `<<` work. Tags that create objects are refused.
"""

WORDS = {
    "swept keys": "object",
    "monitor": "name of a metric",
    "seed": "integer from 0 to 2^32 - 1",
    "pixels": "integer from 1 to 4096",
    "share": "number above 0 and below 1",
    "fraction": "number from 0 to 1",
    "dataset": "name of a data set",
    "backbone": "name of a backbone, or the path of a `.keras` file",
    "preprocessing": "'none', 'caffe', 'tf', 'torch', null or an object with `scale` and `offset`",
    "trainable": "'none' or 'all' or backbone layer",
    "augmentation": "object",
    "callbacks": "object",
    "class weight": "'balanced' or object or null",
    "layer names": "list of layers",
    "metrics": "list of metrics",
    "loss": "name or object",
    "optimizer": "name or object",
    "top": "object",
}
"""How the tables call the types that only the code knows."""

TOP = """\
### `model_configuration.model_top_config`

The layers on the backbone, each by a name of your own (letters, digits, `_` and `-`). They form a
directed acyclic graph with one end, which gives the probabilities of the classes: so the last
`Dense` has as many units as there are classes (`"units": "classes"`), and the activation `softmax`.

| key | takes | default | about |
|---|---|---|---|
"""

OBJECTS = """\
Any Keras layer can be named that needs no code; `python run.py list layers` shows them, and
`python run.py list layers Dense` shows the arguments of one. An argument that Keras takes an object
for takes a name or an object with its arguments:
`"kernel_regularizer": "l2"` or
`"kernel_regularizer": {"class_name": "L2", "config": {"l2": 1e-4}}`. A learning rate takes a
schedule in the same way, and a wrapper such as `TimeDistributed` the layer inside it.

Joining layers (`Concatenate`, `Add`, `Multiply`, ...) take a list as `input_layer`; attention takes
`[query, value]`, and `MultiHeadAttention` with a single input attends to itself:

```yaml
model_top_config:
  deep: {layer_type: GlobalAveragePooling2D, input_layer: block5_pool}
  middle: {layer_type: GlobalAveragePooling2D, input_layer: block4_pool}
  both: {layer_type: Concatenate, input_layer: [deep, middle]}
  out: {layer_type: Dense, initializing_parameters: {units: classes, activation: softmax}}
```
"""

LABELS = """\
### Losses, metrics and the end of the network

The network ends in probabilities, so `from_logits` stays `false`. Losses whose name begins with
`sparse` compare class numbers; every other loss is given one-hot labels, so that
`{"name": "categorical_crossentropy", "label_smoothing": 0.1}` works as it stands. Metrics must
compare the same labels as the loss. Paths in callbacks are relative to the run directory, and stay
inside it.
"""


SWEEP_INTRODUCTION = (
    "Of a sweep alone, which is run by `python run.py sweep --config FILE`: "
    f"{SweepConfig.__doc__[0].lower()}{SweepConfig.__doc__[1:-1]}. See [sweep.md](sweep.md)."
)


def make_docs() -> str:
    """Return the text of docs/config.md."""
    parts = [HEAD]
    for field in list_fields(model.Config):
        optional = "" if field.default is MISSING else " (optional)"
        parts.append(f"## `{field.name}`{optional}\n\n{field.about}\n")
        parts.extend(_describe_section(field.name, field.section))
        if field.name == "training_config":
            parts.append(LABELS)
        elif field.name == "data_config":
            parts.extend([_describe_augmentation(), _describe_datasets()])
        elif field.name == "model_configuration":
            parts.extend([_describe_top(), OBJECTS])
    parts.append(f"## `{SWEEP}`\n\n{SWEEP_INTRODUCTION}\n")
    parts.extend(_describe_section(SWEEP, SweepConfig))
    return "\n".join(parts)


def _describe_section(path: str, section: Any) -> list[str]:
    """Return a table of a section's keys, and of each section inside it."""
    rows = ["| key | takes | default | about |", "|---|---|---|---|"]
    inner: list[str] = []
    for field in list_fields(section):
        if nested := field.section:
            inner.append(f"### `{path}.{field.name}`\n\n{nested.__doc__.splitlines()[0]}\n")
            inner.extend(_describe_section(f"{path}.{field.name}", nested))
        about = field.about.replace("|", "\\|")
        takes, default = _describe_type(field.takes), _format_default(field)
        rows.append(f"| `{field.name}` | {takes} | {default} | {about} |")
    return ["\n".join(rows) + "\n", *inner]


def _describe_type(takes: str) -> str:
    """Return the kind of value that a key takes, in words for readers."""
    return " or ".join(WORDS.get(part, part) for part in takes.split(" or "))


def _format_default(field: ConfigField) -> str:
    """Return the default of a key as a config would write it."""
    default = field.default
    if default is MISSING:
        return "(required)"
    if field.section in (model.DatasetConfig, model.Weights):
        default = default["name"]
    elif field.section and default is not None:
        return "as below"
    return f"`{json.dumps(default)}`"


def _describe_top() -> str:
    """Return the table of a declared layer's keys."""
    layer = make_schema(mentioned=())["$defs"]["top_layer"]
    takes = {
        "layer_type": "Keras layer",
        "initializing_parameters": "object",
        "input_layer": "name or list of names",
    }
    defaults = {"layer_type": "(required)", "initializing_parameters": "`{}`"}
    rows = [
        f"| `{name}` | {takes[name]} | {defaults.get(name, 'the layer before')} "
        f"| {entry['description']} |"
        for name, entry in layer["properties"].items()
    ]
    return TOP + "\n".join(rows) + "\n"


def _describe_augmentation() -> str:
    """Return the table of augmentations, and what is refused."""
    rows = ["### `data_config.data_augmentation`\n", "Arguments of Keras's `ImageDataGenerator`.\n"]
    rows += ["| key | takes | default | about |", "|---|---|---|---|"]
    for name, (takes, default, about) in ARGUMENTS.items():
        rows.append(f"| `{name}` | {_describe_type(takes)} | `{json.dumps(default)}` | {about} |")
    rows.append("\nThe others are refused, each for a reason:\n")
    rows += [f"- `{name}`: {reason}." for name, reason in REFUSED.items()]
    return "\n".join(rows) + "\n"


def _describe_datasets() -> str:
    """Return the table of data sets."""
    rows = ["### Data sets\n", "| name | images |", "|---|---|"]
    rows += [f"| `{name}` | {html.escape(about)} |" for name, about in catalog.DATASETS.items()]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    TARGET.write_text(make_docs(), encoding="utf-8")

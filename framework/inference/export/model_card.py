"""The parts of a model card: what the Hugging Face Hub reads, and what its readers should know."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from framework.data.dataset import title_dataset
from framework.inference.trained_classifier import TrainedClassifier
from framework.utils.files import read_json

LIBRARIES = {"keras": "keras", "saved_model": "tf-keras", "onnx": "onnx", "litert": "litert"}
MAX_CLASSES = 20
"""The most classes that are listed one by one."""


def render_metadata(trained: TrainedClassifier, name: str) -> str:
    """Return the YAML at the head of a model card.

    Args:
        trained: The classifier.
        name: The export's format.
    """
    metadata: dict[str, Any] = {
        "library_name": LIBRARIES[name],
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "transfer-learning"],
    }
    if trained.test_accuracy is not None:
        result = {
            "task": {"type": "image-classification"},
            "dataset": {"name": _title_data(trained), "type": trained.data_name, "split": "test"},
            "metrics": [{"type": "accuracy", "value": round(trained.test_accuracy, 4)}],
        }
        metadata["model-index"] = [{"name": trained.subject, "results": [result]}]
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---\n"


def render_results(trained: TrainedClassifier) -> str:
    """Return the sections on results, data and limits, in Markdown, from the run's records."""
    metrics = read_json(trained.run / "metrics.json")
    test = metrics.get("test", {})
    lines = ["## Results", "", *_describe_results(test), "", "## Data", ""]
    lines += [f"- {line}" for line in _describe_data(trained)]
    lines += ["", "## Limits", "", *(f"- {line}" for line in _describe_limits(trained, test))]
    return "\n".join(lines)


def _describe_results(test: Mapping[str, Any]) -> Iterator[str]:
    if "accuracy" not in test:
        yield "The test images have no labels: nothing was measured."
        return
    sentence = f"Test accuracy {100 * test['accuracy']:.2f} %"
    if interval := test.get("accuracy_interval"):
        sentence += f" (95 % interval {100 * interval[0]:.2f} to {100 * interval[1]:.2f} %)"
    yield f"{sentence}."
    rows = test.get("per_class", {})
    if not rows:
        return
    # The classes with the most mistakes, if there are many.
    shown = sorted(rows, key=lambda name: rows[name]["recall"])[:MAX_CLASSES]
    if len(rows) > MAX_CLASSES:
        yield f"\nThe {MAX_CLASSES} classes with the lowest recall, of {len(rows)}:"
    yield "\n| class | precision | recall | images |\n|---|---|---|---|"
    for name in (name for name in rows if name in shown):
        row = rows[name]
        shares = f"{100 * row['precision']:.1f} % | {100 * row['recall']:.1f} %"
        yield f"| {name} | {shares} | {row['support']:,} |"


def _describe_data(trained: TrainedClassifier) -> Iterator[str]:
    environment = trained.environment
    yield f"Trained on {_title_data(trained)}, {len(trained.class_names)} classes."
    for remark in environment.get("data", {}).get("remarks", ()):
        yield f"{remark}."
    for one in environment.get("substitutions", ()):
        yield f"{one['what'].capitalize()}: {one['used']} in place of {one['wanted']}."
    if weights := environment.get("weights", {}).get("name"):
        yield f"Weights that the training began with: {weights}."


def _title_data(trained: TrainedClassifier) -> str:
    return title_dataset(trained.data_name, str(trained.environment["data"].get("place", "")))


def _describe_limits(trained: TrainedClassifier, test: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "The metrics are of test images of the same source. Measure it on images of your own "
        "before you rely on it."
    )
    yield "Every image is answered with one of its classes, also one that shows none of them."
    if polarity := trained.appearance.polarity:
        yield f"Images must be {polarity}, as those of the training were."
    rows = test.get("per_class", {})
    if rows and (worst := min(rows, key=lambda name: rows[name]["recall"])):
        yield f"{worst!r} is recognized least often: {100 * rows[worst]['recall']:.1f} %."

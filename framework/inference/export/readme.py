"""The page that goes with an export: how to load it, what it takes, what it gives."""

from __future__ import annotations

from collections.abc import Sequence

from framework.inference.export.formats import Dtype, Format
from framework.inference.polarity import LIGHT_ON_DARK
from framework.inference.trained_classifier import TrainedClassifier

README = """# {subject}

Exported by transfer-framework; test accuracy {accuracy}. Compared with the classifier that it was
exported from on {images} test images: {comparison}

```python
{load}
{call}
```

`images` is `(n, {rows}, {columns}, {channels})` {dtypes}, {colours}, in [0, 255]; preprocessing is
inside. Images of another size were brought to this one by Pillow's `{method}` resizing
(fit: {fit}).{ink} `probabilities` is `(n, {classes})`, its columns in the order of
`{names_file}`.
"""


def describe_export(
    trained: TrainedClassifier,
    form: Format,
    model_file: str,
    names_file: str,
    images: int,
    comparison: str,
    dtypes: Sequence[Dtype],
) -> str:
    """Write the page, in Markdown.

    Args:
        trained: The classifier.
        form: The export's format.
        model_file: What the export's model is called.
        names_file: What the file of the class names is called.
        images: How many test images it was compared on.
        comparison: What came of it, in a sentence.
        dtypes: Of the images that the export takes.
    """
    rows, columns, channels = trained.image_shape
    accuracy = trained.test_accuracy
    resize = trained.config.data_config.resize
    light = trained.data_name in LIGHT_ON_DARK
    return README.format(
        subject=trained.subject,
        accuracy="unknown" if accuracy is None else f"{100 * accuracy:.2f} %",
        images=images,
        comparison=comparison,
        load=form.load.format(file=model_file),
        call=form.call,
        rows=rows,
        columns=columns,
        channels=channels,
        dtypes=" or ".join(dtypes),
        colours="grey" if channels == 1 else "RGB",
        method=resize.method,
        fit=resize.fit,
        ink=" It learnt light ink on dark paper." if light else "",
        classes=len(trained.class_names),
        names_file=names_file,
    )

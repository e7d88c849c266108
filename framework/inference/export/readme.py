"""The read-me of an export: how to load it, what it takes, what it returns."""

from collections.abc import Sequence

from framework.inference.export.formats import Dtype, Format
from framework.inference.trained_classifier import TrainedClassifier


def render_readme(
    trained: TrainedClassifier,
    form: Format,
    dtypes: Sequence[Dtype],
    files: tuple[str, str],
    comparison: str,
) -> str:
    """Render the read-me, in Markdown.

    Args:
        trained: The classifier.
        form: The export's format.
        dtypes: Of the images that the export takes.
        files: The names of the model and of the file of the class names.
        comparison: On how many images it was compared, and the result.
    """
    rows, columns, channels = trained.image_shape
    resize = trained.config.data_config.resize
    polarity = trained.appearance.polarity
    background = f" It was trained on images that are {polarity}." if polarity else ""
    lacking = ["say that an image is unlike the training images (`unknown`)"]
    if framing := trained.appearance.framing:
        lacking.insert(0, "find characters on a page")
        background += (
            f" Characters were scaled to {framing.box} of {framing.side} pixels, with the middle "
            f"of their {framing.center} in the middle of the image."
        )
    return f"""# {trained.subject}

Exported by transfer-framework; test accuracy {trained.formatted_accuracy}. Compared with the
classifier that it was exported from on {comparison}

```python
{form.load.format(file=files[0])}
{form.call}
```

`images` is `(n, {rows}, {columns}, {channels})` {" or ".join(dtypes)}, \
{"gray" if channels == 1 else "RGB"}, in [0, 255]; preprocessing is
inside. Images of another size were resized by Pillow's `{resize.method}` filter (fit: \
{resize.fit}).{background}
The export does not {" or ".join(lacking)}, as `predict` does.
`probabilities` is `(n, {len(trained.class_names)})`, its columns in the order of `{files[1]}`.
"""

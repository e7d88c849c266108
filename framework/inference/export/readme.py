"""The read-me of an export: how to load it, what it takes, what it returns."""

from collections.abc import Sequence

from framework.data.appearance import Framing
from framework.inference.export.formats import Dtype, Format
from framework.inference.export.model_card import render_metadata, render_results
from framework.inference.trained_classifier import TrainedClassifier


def render_readme(
    trained: TrainedClassifier,
    name: str,
    form: Format,
    dtypes: Sequence[Dtype],
    files: tuple[str, str],
    comparison: str,
) -> str:
    """Render the read-me, in Markdown; it is a model card of the Hugging Face Hub, too.

    Args:
        trained: The classifier.
        name: That of the export's format.
        form: The format.
        dtypes: Of the images that the export takes.
        files: The names of the model and of the file of the class names.
        comparison: On how many images it was compared, and the result.
    """
    rows, columns, channels = trained.image_shape
    polarity = trained.appearance.polarity
    background = f" It was trained on images that are {polarity}." if polarity else ""
    lacking = ["say that an image is unlike the training images (`unknown`)"]
    if trained.appearance.framing:
        lacking.insert(0, "find characters on a page")
    return f"""{render_metadata(trained, name)}
# {trained.subject}

Exported by transfer-framework; test accuracy {trained.formatted_accuracy}. Compared with the
classifier that it was exported from on {comparison}

```python
{form.load.format(file=files[0])}
{form.call}
```

`images` is `(n, {rows}, {columns}, {channels})` {" or ".join(dtypes)}, \
{"gray" if channels == 1 else "RGB"}, in [0, 255]; preprocessing is
inside.{background} The export does not {" or ".join(lacking)}, as `predict` does.
`probabilities` is `(n, {len(trained.class_names)})`, its columns in the order of `{files[1]}`.

{_describe_usage(trained, form, dtypes[0], files)}
{render_results(trained)}
"""


def _describe_usage(
    trained: TrainedClassifier, form: Format, dtype: Dtype, files: tuple[str, str]
) -> str:
    """Return the section that leads from a file to an answer."""
    rows, columns, channels = trained.image_shape
    packages = ["numpy", "pillow", *(form.packages.values() or ["tensorflow"])]
    return f"""\
## From a picture to the name of its class

```
pip install {" ".join(packages)}
```

```python
import json
import numpy as np
from PIL import Image, ImageOps

picture = ImageOps.exif_transpose(Image.open("photo.png"))
{_describe_preparation(trained)}
images = np.asarray(picture, np.{dtype}).reshape(1, {rows}, {columns}, {channels})
{form.load.format(file=files[0])}
{form.call}
with open("{files[1]}") as file:
    names = json.load(file)["class_names"]
print(names[probabilities[0].argmax()], probabilities[0].max())
```
"""


def _describe_preparation(trained: TrainedClassifier) -> str:
    """Return the Python that makes an image of `picture` as the network takes it."""
    rows, columns, channels = trained.image_shape
    resize = trained.config.data_config.resize
    calls = {
        "stretch": "picture.resize(({0}, {1}), {2})",
        "pad": "ImageOps.pad(picture, ({0}, {1}), {2})",
        "crop": "ImageOps.fit(picture, ({0}, {1}), {2})",
    }
    method = f"Image.Resampling.{resize.method.upper()}"
    lines = [f'picture = picture.convert("{"L" if channels == 1 else "RGB"}")']
    if (framing := trained.appearance.framing) is not None:
        lines = [_describe_framing(framing, trained.appearance.polarity), *lines]
    lines.append(f"picture = {calls[resize.fit].format(columns, rows, method)}")
    return "\n".join(lines)


def _describe_framing(framing: Framing, polarity: str | None) -> str:
    """Return the Python that scales and places the one character of a picture.

    It is what `frame_character` does, without its search for characters.
    """
    middle = (
        "[(np.arange(n) * small.sum(axis=1 - axis)).sum() / small.sum() "
        "for axis, n in enumerate(small.shape)]"
        if framing.center == "mass"
        else "[n / 2 for n in small.shape]"
    )
    framed = "255 - framed" if polarity == "dark on light" else "framed"
    return f"""\
# One character on an even ground: cut out, scaled and placed as in the training images.
gray = np.asarray(picture.convert("L"), np.float32)
ground = np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]]))
foreground = np.abs(gray - ground) / np.abs(gray - ground).max()
inside = [np.flatnonzero((foreground > 0.3).any(axis=axis)) for axis in (1, 0)]
foreground = foreground[inside[0][0] : inside[0][-1] + 1, inside[1][0] : inside[1][-1] + 1]
size = [max(1, round(n * {framing.box} / max(foreground.shape))) for n in foreground.shape[::-1]]
small = np.asarray(Image.fromarray(foreground).resize(size, Image.Resampling.BOX))
middle = {middle}
top, left = (
    min(max(round({framing.side} / 2 - center), 0), {framing.side} - n)
    for center, n in zip(middle, small.shape)
)
framed = np.zeros(({framing.side}, {framing.side}))
framed[top : top + small.shape[0], left : left + small.shape[1]] = 255 * small / small.max()
picture = Image.fromarray(np.rint({framed}).astype(np.uint8))"""

"""The page's answer to a drawing: its characters, each as the model sees it, and their classes."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from framework.data.image_files import read_image
from framework.data.images import prepare_image
from framework.inference.app.segmentation import find_characters
from framework.inference.polarity import Invert, estimate_background
from framework.inference.trained_classifier import Prediction, TrainedClassifier

# As large as a good camera's, 6000x4000: any program on this machine can send one.
PIXEL_LIMIT = 24_000_000
HINT = "There is nothing to read yet: draw a digit, large and dark."


def read_drawing(
    trained: TrainedClassifier, content: bytes, invert: Invert = "auto"
) -> dict[str, Any]:
    """Classify the characters of an image file, or the whole image for other models.

    Args:
        trained: The classifier.
        content: The bytes of the file.
        invert: `"auto"`: characters become light on dark, or dark on light, as in training.

    Returns:
        `text`, all predicted classes, in order; `message`, a hint if there are none;
        `crops`, a list of `image` (the network's input, a PNG as a data URL), `predicted`,
        `confidence` and `top`. Ready for JSON.

    Raises:
        RunError: It is no image, or holds too many strokes.
    """
    image = read_image(io.BytesIO(content), "The image", PIXEL_LIMIT)
    framing = trained.appearance.framing
    if framing is None:
        prepared = [trained.prepare(image, invert)]
    else:
        shape, resize = trained.image_shape, trained.config.data_config.resize
        characters = find_characters(image, framing)
        if invert == "auto":
            dark_on_light = trained.appearance.polarity == "dark on light"
        else:
            dark_on_light = (estimate_background(image) > 127) != (invert == "yes")
        if dark_on_light:
            characters = [255 - character for character in characters]
        prepared = [prepare_image(character, shape, resize) for character in characters]
    if not prepared:
        return {"text": "", "message": HINT, "crops": []}
    predictions = trained.name_classes(trained.predict_prepared(prepared))
    names = [prediction.predicted for prediction in predictions]
    separator = "" if all(len(name) == 1 for name in names) else " "
    crops = [_describe(*pair) for pair in zip(prepared, predictions, strict=True)]
    return {"text": separator.join(names), "message": "", "crops": crops}


def _describe(prepared: np.ndarray, prediction: Prediction) -> dict[str, Any]:
    stream = io.BytesIO()
    pixels = prepared[..., 0] if prepared.shape[-1] == 1 else prepared
    Image.fromarray(pixels).save(stream, "PNG")
    url = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    return {"image": url, **prediction.describe()}

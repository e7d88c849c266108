"""The page's answer to a drawing: its characters, each as the model sees it, and their classes."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from framework.inference.picture_reader import EMPTY, PreparedPicture
from framework.inference.prediction import Character, Prediction, join_characters

HINT = "There is nothing to read yet: draw a digit, large and dark."


def describe_drawing(picture: PreparedPicture, prediction: Prediction) -> dict[str, Any]:
    """Describe what was read in a drawing.

    Args:
        picture: The drawing.
        prediction: What was read.

    Returns:
        `text`, all predicted classes, in order, those unknown as `?`; `message`, why there are
        none; `crops`, a list of `image` (the network's input, a PNG as a data URL), `row` (the
        number of its line), and what `Prediction.describe` returns. Ready for JSON.
    """
    if not picture.images:
        message = HINT if prediction.note == EMPTY else prediction.note
        return {"text": "", "message": message, "crops": []}
    characters = prediction.characters or (Character(prediction, 0, picture.whole),)
    crops = [
        {"image": _encode(each.image), "row": each.row, **each.prediction.describe()}
        for each in characters
    ]
    return {"text": join_characters(characters), "message": "", "crops": crops}


def _encode(prepared: np.ndarray) -> str:
    """Return an image from `TrainedNetwork.resize` as a data URL."""
    stream = io.BytesIO()
    pixels = prepared[..., 0] if prepared.shape[-1] == 1 else prepared
    Image.fromarray(pixels).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()

"""Drawings, read as the page reads them, without a server."""

import io
from concurrent.futures import Future

from framework.data.image_files import read_image
from framework.inference.app.drawing import describe_drawing
from framework.inference.app.predictor import Predictor
from framework.inference.picture_reader import PictureReader


def read_drawing(reader, content):
    picture = reader.prepare(read_image(io.BytesIO(content)))
    (prediction,) = reader.read([picture])
    return describe_drawing(picture, prediction)


def make_predictor(trained):
    loaded = Future()
    loaded.set_result(PictureReader(trained))
    return Predictor(loaded)

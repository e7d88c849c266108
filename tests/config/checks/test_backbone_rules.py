"""What a backbone asks of the rest of a config."""

import copy

import pytest

from framework.config import resolve_config
from framework.errors import ConfigError
from tests.config.test_loader import PUBLISHED


@pytest.mark.parametrize("shape", [{}, {"image_shape": {"image_columns": 96}}])
def test_images_of_the_default_size_can_be_too_small(shape):
    values = copy.deepcopy(PUBLISHED)
    values["data_config"] = shape
    values["model_configuration"]["model_name"] = "Xception"
    with pytest.raises(ConfigError) as caught:
        resolve_config(values)
    rows = "data_config.image_shape.image_rows: expected at least 71: Xception takes no smaller"
    assert f"{rows} images. Found 32." in str(caught.value)
    assert len(caught.value.problems) == (1 if shape else 2)


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [
        ("none", {"pooling": "avg"}, "an argument of none (it has none)"),
        ("VGG16", {"image_size": 64}, "an argument of VGG16 (pooling)"),
        ("VGG16", {"pooling": "map"}, "expected 'avg', 'max' or null: VGG16 has no tokens"),
    ],
)
def test_an_argument_that_a_backbone_has_not_is_refused(name, argument, message):
    values = copy.deepcopy(PUBLISHED)
    values["model_configuration"] |= {"model_name": name, "model_arguments": argument}
    with pytest.raises(ConfigError) as caught:
        resolve_config(values)
    assert message in str(caught.value)

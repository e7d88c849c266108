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

"""What `run.py list` prints."""

import pytest

from framework.config.catalog import list_names
from framework.config.listing import KINDS, list_catalog
from framework.errors import UsageError


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_fits_a_terminal(kind):
    assert max(map(len, list_catalog(kind).splitlines())) <= 120


def test_every_layer_has_its_line():
    lines = list_catalog("layers").splitlines()
    assert any(line.startswith("Dense ") for line in lines)
    assert any("also MaxPool2D" in line for line in lines)
    shown = {line.split()[0] for line in lines if line}
    own = {name for name in list_names("layers") if name in shown}
    assert {"Dense", "Conv2D", "MultiHeadAttention", "Concatenate"} <= own
    assert any(line.startswith("Lambda") and "runs code" in line for line in lines)


def test_a_backbone_shows_size_smallest_image_and_published_accuracy():
    line = next(x for x in list_catalog("backbones").splitlines() if x.startswith("VGG16 "))
    assert line.split() == ["VGG16", "14,714,688", "32x32", "71.3%", "90.1%", "528", "MB"]
    assert "https://keras.io/api/applications/" in list_catalog("backbones")


def test_one_layer_shows_its_arguments_required_ones_first():
    lines = list_catalog("layers", "Dense").splitlines()
    assert lines[2].split() == ["argument", "takes", "default", "about"]
    assert lines[3].startswith("units")
    assert "(required)" in lines[3]


def test_one_backbone_shows_its_layers():
    assert "block4_pool   MaxPooling2D" in list_catalog("backbones", "VGG16")


def test_one_backbone_shows_its_arguments():
    assert "alpha    positive number" in list_catalog("backbones", "MobileNetV2")


def test_one_data_set_shows_its_keys_and_classes():
    said = list_catalog("datasets", "emnist")
    assert "Keys of its own in data_config.dataset: split" in said
    assert "Classes: 0, 1, 2" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("layer",), "Did you mean 'layers'?"),
        (("layers", "dense"), "expected one of the layers. Found 'dense'. Did you mean 'Dense'?"),
        (("layers", "Lambda"), "Lambda is refused: it runs code, and a config only declares"),
        (("datasets", "minst"), "Did you mean 'mnist'?"),
    ],
)
def test_what_is_not_there(arguments, said):
    with pytest.raises(UsageError) as caught:
        list_catalog(*arguments)
    assert said in str(caught.value)

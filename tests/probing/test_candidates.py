"""Which layers of a backbone are probed."""

import pytest

from framework.config import catalog, resolve_config
from framework.errors import UsageError
from framework.models.backbones import build_backbone
from framework.probing.candidates import choose_layers, find_own_layers, find_split_points

SHAPE = (32, 32, 3)
DENSE = {"layer_type": "Dense", "initializing_parameters": {"units": 10, "activation": "softmax"}}


def make_config(top):
    model = {"model_name": "VGG16", "model_top_config": top}
    return resolve_config({"training_config": {}, "data_config": {}, "model_configuration": model})


@pytest.fixture(scope="module")
def vgg16():
    return build_backbone("VGG16", SHAPE)


def test_every_convolution_and_pool_of_vgg16(vgg16):
    counts = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
    expected = []
    for block, count in counts.items():
        expected += [f"block{block}_conv{number}" for number in range(1, count + 1)]
        expected += [f"block{block}_pool"]
    assert find_split_points(vgg16) == expected


def test_the_end_of_every_block_of_resnet50():
    counts = {2: 3, 3: 4, 4: 6, 5: 3}
    ends = [f"conv{c}_block{b}_out" for c, count in counts.items() for b in range(1, count + 1)]
    assert find_split_points(build_backbone("ResNet50", SHAPE)) == [
        "conv1_relu",
        "pool1_pool",
        *ends,
    ]


@pytest.mark.parametrize(
    ("name", "within", "without"),
    [
        # Residual sums, and single layers where nothing goes past them.
        ("MobileNetV2", {"block_2_add", "block_1_project_BN", "out_relu"}, {"block_2_expand_relu"}),
        ("DenseNet121", {"conv2_block3_concat", "pool4_pool", "relu"}, {"conv2_block3_2_conv"}),
        ("EfficientNetB0", {"block2b_add", "top_activation"}, {"block2b_se_excite", "rescaling"}),
        ("InceptionV3", {"mixed0", "mixed10", "activation_4"}, {"activation_5"}),
        # Its blocks end in sums that are no layers, which no top can name.
        ("ConvNeXtTiny", {"convnext_tiny_downsampling_block_1"}, {"add"}),
    ],
)
def test_no_split_point_of_other_backbones_is_bypassed(name, within, without):
    side = catalog.find_entry("backbones", name)["smallest_image"]
    found = find_split_points(build_backbone(name, (side, side, 3)))
    assert within <= set(found)
    assert not without & set(found)
    assert not any(layer.endswith(("_pad", "preprocessing", "image")) for layer in found)


def test_what_the_top_reads_is_always_probed(vgg16):
    both = {"layer_type": "Concatenate", "input_layer": ["a", "b"]}
    config = make_config(
        {
            "a": {"layer_type": "GlobalAveragePooling2D", "input_layer": "block2_pool"},
            "b": {"layer_type": "GlobalAveragePooling2D", "input_layer": "backbone"},
            "both": both,
            "dense": DENSE,
        }
    )
    own = find_own_layers(config, vgg16)
    assert own == ["block2_pool", "block5_pool"]
    assert set(own) < set(choose_layers(vgg16, "VGG16", "auto", own))


def test_layers_by_name_come_in_the_order_of_the_backbone(vgg16):
    names = ("block4_pool", "block1_conv1", "block4_pool")
    assert choose_layers(vgg16, "VGG16", names, []) == ["block1_conv1", "block4_pool"]


def test_all_layers_are_those_that_depend_on_weights():
    backbone = build_backbone("MobileNetV2", SHAPE)
    found = choose_layers(backbone, "MobileNetV2", "all", [])
    assert {"Conv1", "bn_Conv1", "block_2_expand_relu", "out_relu"} < set(found)
    assert "preprocessing" not in found


def test_a_misspelled_layer_gets_a_suggestion(vgg16):
    with pytest.raises(
        UsageError, match=r"has no layer 'block4_cnv1'\. Did you mean 'block4_conv1'"
    ):
        choose_layers(vgg16, "VGG16", ("block4_cnv1",), [])


def test_a_layer_of_another_rank_is_refused():
    import keras

    image = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 3, name="maps")(image)
    tokens = keras.layers.Reshape((36, 4), name="tokens")(maps)
    windows = keras.layers.Reshape((6, 3, 2, 4), name="windows")(tokens)
    backbone = keras.Model(image, keras.layers.Flatten(name="flat")(windows))
    with pytest.raises(UsageError, match="expected layers that give maps, tokens or a vector"):
        choose_layers(backbone, "x", ("windows",), [])
    assert choose_layers(backbone, "x", "all", []) == ["maps", "tokens", "flat"]

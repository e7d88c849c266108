"""The networks of KerasHub, flat: they compute what KerasHub computes, and can be saved."""

import keras
import keras_hub
import numpy as np
import pytest

from framework.evaluation.figure_data.grad_cam import compute_heat_maps, find_last_maps
from framework.hub.network import build_network
from framework.hub.presets import FAMILIES, PresetError, find_preset
from framework.hub.saved_models import load_model
from framework.models.freezing import unfreeze_layers
from tests.helpers.hub_presets import NETWORKS, SHAPE, make_preset

pytestmark = pytest.mark.long

LARGER = (48, 40, 3)

PREPARING = ("image", "resizing", "preprocessing")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Makes the preset of a family once."""
    made = {}

    def find(family):
        if family not in made:
            made[family] = make_preset(family, str(tmp_path_factory.mktemp(family) / "tiny"))
        return made[family]

    return find


def build(folder, shape=SHAPE, **options):
    return build_network(find_preset(f"hub:{folder}"), shape, True, **options)


def draw_images(shape=SHAPE):
    return np.random.default_rng(0).uniform(0, 255, (4, *shape)).astype(np.float32)


def compute_with_keras_hub(folder, images):
    """What KerasHub's own converter and network give."""
    network = keras_hub.models.Backbone.from_preset(folder)
    for part in ("vision_encoder", "image_encoder"):
        network = getattr(network, part, network)
    prepared = keras_hub.layers.ImageConverter.from_preset(folder)(images)
    given = {tensor.name: prepared for tensor in network.inputs}
    output = network(given if isinstance(network.input, dict) else prepared, training=False)
    return np.asarray(list(output.values())[-1] if isinstance(output, dict) else output)


def test_each_family_has_a_network_here():
    assert set(NETWORKS) == set(FAMILIES)


@pytest.mark.parametrize("family", NETWORKS)
def test_a_flat_network_computes_what_keras_hub_does(family, folders, tmp_path):
    network, images = build(folders(family)), draw_images()
    found = network(images, training=False)
    np.testing.assert_allclose(
        found, compute_with_keras_hub(folders(family), images), rtol=1e-5, atol=1e-5
    )
    # A top is built on the shapes that the layers tell.
    told = [layer.output for layer in network.layers if is_shaped(layer.output)]
    every = keras.Model(network.input, told)
    for tensor, computed in zip(told, every(images, training=False), strict=True):
        assert tuple(tensor.shape[1:]) == computed.shape[1:], tensor
    network.save(tmp_path / "it.keras")
    loaded = load_model(tmp_path / "it.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]
    np.testing.assert_array_equal(loaded(images, training=False), found)
    loaded.save(tmp_path / "again.keras")  # As an export does.
    again = load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(images, training=False), found)


def is_shaped(output):
    return isinstance(output, keras.KerasTensor) and None not in output.shape[1:]


@pytest.mark.parametrize("family", ["ViT", "ResNet", "SigLIP"])
def test_images_are_resized_and_scaled_as_the_image_converter_does(family, folders):
    images = draw_images(LARGER)
    found = build(folders(family), LARGER)(images, training=False)
    np.testing.assert_allclose(
        found, compute_with_keras_hub(folders(family), images), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("shape", [(16, 16, 3), (48, 48, 3)])
def test_growing_images_need_no_antialiasing(shape, tmp_path):
    folder = make_preset("ViT", str(tmp_path / "it"), antialias=True, crop_to_aspect_ratio=False)
    images = draw_images(shape)
    network = build(folder, shape)
    assert network.get_layer("resizing").antialias == (shape[0] > 32)
    found = network(images, training=False)
    np.testing.assert_allclose(found, compute_with_keras_hub(folder, images), rtol=1e-4, atol=1e-4)


def test_images_of_the_right_size_are_not_resized(folders):
    names = [layer.name for layer in build(folders("ViT")).layers]
    assert names[:3] == ["image", "preprocessing", "vit_patching_and_embedding"]


@pytest.mark.parametrize(
    ("family", "blocks"),
    [
        ("ViT", ["transformer_block_1", "transformer_block_2"]),
        ("DINOV2", ["layers_0", "layers_1"]),
        ("DINOV3", ["layers_0", "layers_1"]),
        ("CLIP", ["encoder_block_0", "encoder_block_1"]),
        ("SigLIP", ["encoder_block_0", "encoder_block_1"]),
        ("SwinTransformer", ["stage_0_blocks_0", "stage_1_blocks_1"]),
        ("HGNetV2", ["encoder_stage_0", "encoder_stage_1"]),
        ("DeiT", ["deit_encoder"]),
    ],
)
def test_the_blocks_are_layers(family, blocks, folders):
    names = [layer.name for layer in build(folders(family)).layers]
    assert set(blocks) <= set(names)


@pytest.mark.parametrize(
    ("family", "first", "leading"),
    [("ViT", 0, 1), ("DeiT", 0, 2), ("DINOV2", 0, 3), ("CLIP", 0, 1), ("SigLIP", None, 0)],
)
def test_tokens_are_read_in_four_ways(family, first, leading, folders):
    images, folder = draw_images(), folders(family)
    whole = build(folder)
    last = [layer for layer in whole.layers if is_tokens(layer.output)][-1].output
    tokens = np.asarray(keras.Model(whole.input, last)(images, training=False))
    patches = tokens[:, leading:]

    def read(pooling):
        return np.asarray(build(folder, pooling=pooling)(images, training=False))

    np.testing.assert_allclose(read("avg"), patches.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(read("max"), patches.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(read("map"), patches.reshape(4, 4, 4, -1), atol=1e-6)
    if first is not None:
        np.testing.assert_allclose(read("class_token"), tokens[:, first], atol=1e-6)


def is_tokens(output):
    return isinstance(output, keras.KerasTensor) and len(output.shape) == 3


def test_a_network_of_any_size_takes_the_size_that_is_asked_for(folders):
    network = build(folders("ResNet"), (16, 16, 3), image_size=64)
    assert network.get_layer("resizing").output.shape == (None, 64, 64, 3)
    network = build(folders("DINOV2"), (16, 16, 3), image_size=16)
    assert network.output.shape == (None, 1 + 2 + 4, 16)


@pytest.mark.parametrize(
    ("family", "name", "side"),
    [
        ("ViT", "transformer_block_1", 4),  # What the second, and last, block reads.
        ("SigLIP", "post_layer_norm", 4),
        ("SwinTransformer", "stage_1_blocks_0", 4),
        ("MiT", "hierarchical_encoder_1_0", 4),
        ("SAM", "sequential", 4),
        ("ResNet", "stack1_block0_2_conv", 4),
    ],
)
def test_grad_cam_reads_the_last_maps_or_tokens(family, name, side, folders):
    network = build(folders(family), pooling=None if family == "SigLIP" else "avg")
    maps = find_last_maps(network)
    assert maps._keras_history.operation.name.startswith(name)
    answer = keras.layers.Dense(2, activation="softmax")(network.output)
    classifier = keras.Model(network.input, answer)
    heat = compute_heat_maps(classifier, maps, draw_images(), np.array([0, 1, 0, 1]))
    assert heat.shape == (4, side, side)
    assert heat.any()


def test_a_size_that_does_not_fit_is_one_message(folders):
    with pytest.raises(PresetError, match="can't be built for the image_size 4: "):
        build(folders("DINOV2"), image_size=4)


def test_fine_tuning_keeps_the_statistics_in_a_block(folders):
    network = build(folders("MobileNet"))
    network.trainable = False
    unfreeze_layers(network.layers, "block_1_0")
    inner = list(network.get_layer("block_1_0")._flatten_layers(include_self=False))
    normal = [layer for layer in inner if isinstance(layer, keras.layers.BatchNormalization)]
    assert normal
    assert not any(layer.trainable for layer in normal)
    assert any(layer.trainable for layer in inner if isinstance(layer, keras.layers.Conv2D))
    assert not network.get_layer("block_0_0").trainable_weights


def test_random_weights_are_those_of_the_seed(folders):
    preset = find_preset(f"hub:{folders('ViT')}")
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        drawn.append(build_network(preset, SHAPE, False).get_weights())
    for one, other in zip(*drawn, strict=True):
        np.testing.assert_array_equal(one, other)
    own = build(folders("ViT")).get_weights()
    assert any((one != other).any() for one, other in zip(drawn[0], own, strict=True))

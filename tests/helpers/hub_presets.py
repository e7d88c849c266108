"""Small presets of KerasHub's image networks, with random weights and image converters."""

import keras
import keras_hub
import numpy as np

SIDE = 32
SHAPE = (SIDE, SIDE, 3)

TRANSFORMER = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "image_shape": SHAPE}
ENCODER = {"patch_size": 8, "intermediate_dim": 32, **TRANSFORMER}
WORDS = {
    "vocabulary_size": 64,
    "embedding_dim": 16,
    "hidden_dim": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_dim": 32,
    "max_sequence_length": 8,
}
MOBILENET = {
    "stackwise_expansion": [[40, 56], [64, 144]],
    "stackwise_num_blocks": [2, 2],
    "stackwise_num_filters": [[16, 16], [24, 24]],
    "stackwise_kernel_size": [[3, 3], [5, 5]],
    "stackwise_num_strides": [[1, 1], [2, 1]],
    "stackwise_se_ratio": [[None, None], [0.25, 0.25]],
    "stackwise_activation": [["relu", "relu"], ["hard_swish", "hard_swish"]],
    "stackwise_padding": [[1, 1], [2, 2]],
    "output_num_filters": 32,
    "input_activation": "hard_swish",
    "output_activation": "hard_swish",
    "input_num_filters": 16,
    "depthwise_filters": 8,
    "depthwise_stride": 1,
    "depthwise_residual": False,
    "squeeze_and_excite": 0.5,
    "last_layer_filter": 32,
}
MOBILENET_V5 = {
    "stackwise_block_types": [["er"], ["uir", "uir"]],
    "stackwise_num_blocks": [1, 2],
    "stackwise_num_filters": [[24], [48, 48]],
    "stackwise_strides": [[2], [2, 1]],
    "stackwise_act_layers": [["relu"], ["relu", "relu"]],
    "stackwise_exp_ratios": [[4.0], [6.0, 6.0]],
    "stackwise_se_ratios": [[0.0], [0.0, 0.0]],
    "stackwise_dw_kernel_sizes": [[0], [5, 5]],
    "stackwise_exp_kernel_sizes": [[3], [0, 0]],
    "stackwise_pw_kernel_sizes": [[1], [0, 0]],
    "stackwise_use_cpe": [[False], [False, False]],
    "use_msfa": False,
    **{
        f"stackwise_{name}": [[0], [0, 0]]
        for name in (
            "dw_start_kernel_sizes", "dw_end_kernel_sizes", "num_heads", "key_dims", "value_dims",
            "kv_strides",
        )
    },
}  # fmt: skip


def make_encoders(family):
    """Return the arguments of a network of images and text."""
    models = keras_hub.models
    vision = getattr(models, f"{family}VisionEncoder")(**ENCODER, name="vision_encoder")
    text = getattr(models, f"{family}TextEncoder")(**WORDS, name="text_encoder")
    return {"vision_encoder": vision, "text_encoder": text}


def make_sam():
    """Return the arguments of a network of images and points."""
    layers, width = keras_hub.layers, {"hidden_size": 8}
    image = keras_hub.models.ViTDetBackbone(
        image_shape=SHAPE,
        patch_size=8,
        hidden_size=4,
        num_layers=2,
        global_attention_layer_indices=[1],
        intermediate_dim=16,
        num_heads=2,
        num_output_channels=8,
        window_size=2,
    )
    prompt = {"image_embedding_size": (4, 4), "input_image_size": (32, 32), "mask_in_channels": 4}
    mask = {
        "num_layers": 1,
        "intermediate_dim": 8,
        "num_heads": 2,
        "embedding_dim": 8,
        "num_multimask_outputs": 3,
        "iou_head_depth": 1,
        "iou_head_hidden_dim": 8,
    }
    return {
        "image_encoder": image,
        "prompt_encoder": layers.SAMPromptEncoder(**width, **prompt),
        "mask_decoder": layers.SAMMaskDecoder(**width, **mask),
    }


NETWORKS = {
    "CLIP": lambda: make_encoders("CLIP") | {"projection_dim": 16},
    "CSPNet": lambda: {
        "stem_filters": 16,
        "stem_kernel_size": 3,
        "stem_strides": 1,
        "stackwise_strides": 2,
        "stackwise_depth": [1, 2],
        "stackwise_num_filters": [16, 24],
        "down_growth": True,
        "bottle_ratio": (0.5, 1.0),
        "block_ratio": (1.0, 0.5),
        "expand_ratio": (2.0, 1.0),
        "block_type": "dark_block",
        "stage_type": "csp",
        "stem_padding": "same",
    },
    "DINOV2": lambda: ENCODER | {"num_register_tokens": 2, "position_embedding_shape": (64, 64, 3)},
    "DINOV3": lambda: ENCODER,
    "DeiT": lambda: ENCODER,
    "DenseNet": lambda: {
        "stackwise_num_repeats": [2, 2],
        "compression_ratio": 0.5,
        "growth_rate": 2,
        "image_shape": SHAPE,
    },
    "EfficientNet": lambda: {
        "stackwise_kernel_sizes": [3, 3],
        "stackwise_num_repeats": [1, 2],
        "stackwise_input_filters": [24, 24],
        "stackwise_output_filters": [24, 48],
        "stackwise_expansion_ratios": [1, 4],
        "stackwise_squeeze_and_excite_ratios": [0.0, 0.25],
        "stackwise_strides": [1, 2],
        "stackwise_block_types": ["fused", "unfused"],
        "stackwise_force_input_filters": [0] * 2,
        "stackwise_nores_option": [False] * 2,
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
    },
    "HGNetV2": lambda: {
        "depths": [1, 1],
        "embedding_size": 8,
        "hidden_sizes": [8, 16],
        "stem_channels": [3, 8, 8],
        "hidden_act": "relu",
        "use_learnable_affine_block": False,
        "stackwise_stage_filters": [[8, 8, 8, 1, 1, 3], [8, 8, 16, 1, 1, 3]],
        "apply_downsample": [False, True],
        "use_lightweight_conv_block": [False, False],
    },
    "MetaCLIP2": lambda: make_encoders("MetaCLIP2") | {"projection_dim": 16},
    "MiT": lambda: {
        "layerwise_depths": [1, 2],
        "num_layers": 2,
        "layerwise_num_heads": [1, 2],
        "layerwise_sr_ratios": [2, 1],
        "max_drop_path_rate": 0.1,
        "layerwise_patch_sizes": [7, 3],
        "layerwise_strides": [4, 2],
        "hidden_dims": [8, 16],
        "image_shape": SHAPE,
    },
    "MobileNet": lambda: MOBILENET,
    "MobileNetV5": lambda: MOBILENET_V5,
    "ResNet": lambda: {
        "input_conv_filters": [64],
        "input_conv_kernel_sizes": [7],
        "stackwise_num_filters": [64, 64],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_strides": [1, 2],
        "block_type": "basic_block",
    },
    "SAM": make_sam,
    "SigLIP": lambda: make_encoders("SigLIP"),
    "SwinTransformer": lambda: {
        "image_shape": SHAPE,
        "embed_dim": 8,
        "depths": [2, 2],
        "num_heads": [2, 2],
        "window_size": 4,
    },
    "VGG": lambda: {"stackwise_num_repeats": [1, 2], "stackwise_num_filters": [8, 16]},
    "ViT": lambda: {"patch_size": 8, "mlp_dim": 32, **TRANSFORMER},
    "Xception": lambda: {
        "stackwise_conv_filters": [[16, 32], [48, 48]],
        "stackwise_pooling": [False, True],
    },
}
"""The arguments of a network of each family."""


def make_preset(family, folder, side=SIDE, **options):
    """Save a small network of a family with its image converter; returns the folder.

    The weights of all layers are drawn, those of normalizations too, so that none of them could be
    left out unnoticed.
    """
    keras.utils.set_random_seed(3)
    network = getattr(keras_hub.models, f"{family}Backbone")(**NETWORKS[family]())
    random = np.random.default_rng(3)
    for weight in network.trainable_weights:
        weight.assign(weight + random.normal(0, 0.1, weight.shape))
    network.save_to_preset(folder)
    converter = {
        "image_size": (side, side),
        "scale": [0.004, 0.005, 0.006],
        "offset": [-0.4, -0.5, -0.6],
        "interpolation": "bilinear",
        **options,
    }
    getattr(keras_hub.layers, f"{family}ImageConverter")(**converter).save_to_preset(folder)
    return folder

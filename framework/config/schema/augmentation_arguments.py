"""The arguments of Keras's `ImageDataGenerator` that make sense here."""

from framework.config.schema.value_types import Schema, make_type_schema

ARGUMENTS: dict[str, tuple[str, object, str]] = {
    "rotation_range": ("non-negative number", 0, "Largest rotation in degrees."),
    "width_shift_range": (
        "number or list of numbers",
        0.0,
        "Largest shift along a row: a share of the width if below 1, else pixels.",
    ),
    "height_shift_range": (
        "number or list of numbers",
        0.0,
        "Largest shift along a column: a share of the height if below 1, else pixels.",
    ),
    "brightness_range": (
        "2 non-negative numbers or null",
        None,
        "The range that a factor of brightness is drawn from; 1 is unchanged.",
    ),
    "shear_range": ("non-negative number", 0.0, "Largest shear in degrees."),
    "zoom_range": (
        "fraction or 2 positive numbers",
        0.0,
        "The range of the zoom: `[lower, upper]`, or z for `[1 - z, 1 + z]`.",
    ),
    "channel_shift_range": ("non-negative number", 0.0, "Largest shift of a channel's values."),
    "fill_mode": (
        "'constant' or 'nearest' or 'reflect' or 'wrap'",
        "nearest",
        "What points outside the image are filled with.",
    ),
    "cval": ("number", 0.0, "The value outside the image with `fill_mode` `constant`."),
    "horizontal_flip": ("boolean", False, "Whether images are mirrored left to right."),
    "vertical_flip": ("boolean", False, "Whether images are mirrored top to bottom."),
    "interpolation_order": (
        "0 or 1 or 2 or 3",
        1,
        "Order of the spline that new pixels are interpolated with.",
    ),
}

_PREPROCESSING = "the network holds its own preprocessing, so that it is the same everywhere"
REFUSED: dict[str, str] = {
    "featurewise_center": _PREPROCESSING,
    "samplewise_center": _PREPROCESSING,
    "featurewise_std_normalization": _PREPROCESSING,
    "samplewise_std_normalization": _PREPROCESSING,
    "zca_whitening": _PREPROCESSING,
    "zca_epsilon": _PREPROCESSING,
    "rescale": _PREPROCESSING,
    "preprocessing_function": "it runs code, and a config only declares",
    "data_format": "images are rows x columns x channels everywhere",
    "validation_split": "data_config.validation_fraction says what is held out",
    "dtype": "images stay 8-bit until the network takes them",
}


def make_augmentation_schema() -> Schema:
    """Return the schema of `data_augmentation`."""
    return {
        "type": "object",
        "title": "an object with arguments of ImageDataGenerator",
        "properties": {
            name: {**make_type_schema(takes), "default": default, "description": about}
            for name, (takes, default, about) in ARGUMENTS.items()
        },
        "additionalProperties": False,
        "x-keys": "an augmentation (" + ", ".join(ARGUMENTS) + ")",
        "x-refused": REFUSED,
    }

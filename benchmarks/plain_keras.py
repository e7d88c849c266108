"""What most people run: ImageDataGenerator and `fit` over the whole network, backbone frozen.

After the Keras guide "Transfer learning & fine-tuning" (keras.io/guides/transfer_learning).
Takes the images, the top, the batch size and the epochs from a config of the framework,
so that both train the same thing, and uses nothing of the framework else.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.applications import vgg16

from framework.config import Config
from framework.config.loader import load_config
from framework.data.images import Images
from framework.data.registry import load_dataset
from framework.data.splits import split_dataset
from framework.models.top import resolve_units


def build_classifier(config: Config, classes: int) -> keras.Model:
    """Return a frozen VGG16 and the config's top, a chain that ends in `classes` units."""
    backbone = vgg16.VGG16(
        include_top=False, weights=None, input_shape=config.data_config.image_shape.as_tuple
    )
    if (path := config.model_configuration.weights.name) is not None:
        backbone.load_weights(path)
    backbone.trainable = False
    image = keras.Input(config.data_config.image_shape.as_tuple)
    x = backbone(image, training=False)
    for layer in resolve_units(config.model_configuration.model_top_config, classes).values():
        x = getattr(keras.layers, layer.layer_type)(**layer.initializing_parameters)(x)
    if x.shape[-1] != classes:
        raise ValueError(f"The top ends in {x.shape[-1]} units, the data have {classes} classes.")
    return keras.Model(image, x)


class EpochTimer(keras.callbacks.Callback):
    """Keeps the seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Read the clock."""
        self.seconds.append(time.perf_counter() - self._start)


def train(config: Config) -> dict[str, Any]:
    """Train as the config says; returns the seconds of each epoch and the test accuracy."""
    settings = config.training_config
    dataset, _ = load_dataset(config.data_config.dataset)
    splits = split_dataset(dataset, config.data_config, settings.seed)
    keras.utils.set_random_seed(settings.seed)
    model = build_classifier(config, len(dataset.class_names))
    model.compile(settings.optimizer.name.lower(), settings.loss.name, metrics=["accuracy"])
    pixels, labels = read_arrays(splits.training)
    validation_pixels, validation_labels = read_arrays(splits.validation)
    validation = (vgg16.preprocess_input(validation_pixels), validation_labels)
    timer = EpochTimer()
    options = {
        "epochs": settings.epochs,
        "validation_data": validation,
        "callbacks": [timer],
        "verbose": 0,
    }
    if config.data_config.data_augmentation:
        generator = tf.keras.preprocessing.image.ImageDataGenerator(
            preprocessing_function=vgg16.preprocess_input, **config.data_config.data_augmentation
        )
        model.fit(generator.flow(pixels, labels, batch_size=settings.batch_size), **options)
    else:
        pixels = vgg16.preprocess_input(pixels)
        model.fit(pixels, labels, batch_size=settings.batch_size, **options)
    test_pixels, test_labels = read_arrays(splits.test)
    probabilities = model.predict(vgg16.preprocess_input(test_pixels), batch_size=256, verbose=0)
    return {
        "epochs": timer.seconds,
        "accuracy": float(np.mean(probabilities.argmax(axis=-1) == test_labels)),
    }


def read_arrays(images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return all pixels, `(n, rows, columns, 3)` float32 in [0, 255], and labels, `(n,)` int64."""
    return images.read(np.arange(len(images))), images.labels


def main() -> None:
    """Read the options, train, and write the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    options = parser.parse_args()
    result = train(load_config(options.config, options.overrides))
    options.output.write_text(json.dumps(result))


if __name__ == "__main__":
    main()

"""A finished run whose small network classifies scikit-learn's digits."""

import json
from dataclasses import replace

import keras
import numpy as np

from framework import __version__
from framework.data.images import Images
from framework.data.registry import load_digits
from framework.models.backbones import preprocess
from framework.models.classifier import (
    Classifier,
    find_embedding,
    load_classifier_file,
    save_classifier,
)
from framework.models.novelty import NoveltyDetector, embed

SHAPE = (16, 16, 3)
CONFIG = {
    "training_config": {},
    "data_config": {
        "dataset": "digits",
        "image_shape": {"image_rows": 16, "image_columns": 16, "channel_numbers": 3},
    },
    "model_configuration": {
        "model_name": "none",
        "weights": None,
        "model_top_config": {
            "flatten": {"layer_type": "Flatten"},
            "dense": {
                "layer_type": "Dense",
                "initializing_parameters": {"units": 10, "activation": "softmax"},
            },
        },
    },
}


def build_network(shape=SHAPE, classes=10):
    image = keras.Input(shape, name="image")
    # As VGG16 does it, so that exports are tested with it.
    x = preprocess(image, "caffe")
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(16, 3, activation="relu", padding="same", name="conv")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(32, 3, activation="relu", padding="same")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))


def read_split(source):
    return Images(source, np.arange(len(source.labels)), SHAPE).read(np.arange(len(source.labels)))


def train_digits_run(directory):
    """Train the network for a few seconds, and write the files of a run that inference reads."""
    keras.utils.set_random_seed(0)
    dataset = load_digits()
    model = build_network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(read_split(dataset.train), dataset.train.labels, epochs=12, verbose=0)
    _, accuracy = model.evaluate(read_split(dataset.test), dataset.test.labels, verbose=0)
    return write_run(directory, model, dataset.class_names, accuracy)


def add_novelty(run):
    """Let the model of a run know what is unlike the digits."""
    classifier = load_classifier_file(run / "model.keras")
    model, dataset = classifier.model, load_digits()
    reader = keras.Model(model.input, find_embedding(model))
    training, test = (
        embed(reader.predict(read_split(source), verbose=0))
        for source in (dataset.train, dataset.test)
    )
    detector = NoveltyDetector.fit(training)
    detector = replace(detector, validation=np.sort(detector.measure(test)))
    save_classifier(replace(classifier, novelty=detector), run / "model.keras")
    return run


def write_run(directory, model, class_names, accuracy=0.5, config=CONFIG, data_name="digits"):
    directory.mkdir(parents=True, exist_ok=True)
    save_classifier(Classifier(model, tuple(class_names), ()), directory / "model.keras")
    environment = {
        "framework": __version__,
        "subject": f"a small CNN on {data_name}",
        "class_names": list(class_names),
        "data": {"name": data_name},
    }
    records = {
        "config": config,
        "environment": environment,
        "metrics": {"test": {"accuracy": accuracy}},
    }
    for name, record in records.items():
        (directory / f"{name}.json").write_text(json.dumps(record))
    return directory

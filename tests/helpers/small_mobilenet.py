"""A config of the smallest MobileNet, with random weights, on a few of scikit-learn's digits."""


def make_mobilenet_config(training, **flatten):
    """Return plain values; `flatten` adds to the top's first layer, `flat`."""
    return {
        "training_config": training,
        "data_config": {"dataset": "digits", "limit": {"train": 300, "test": 60}},
        "model_configuration": {
            "model_name": "MobileNet",
            "model_arguments": {"alpha": 0.25},
            "weights": None,
            "model_top_config": {
                "flat": {"layer_type": "Flatten", **flatten},
                "digit": {
                    "layer_type": "Dense",
                    "initializing_parameters": {"units": 10, "activation": "softmax"},
                },
            },
        },
    }

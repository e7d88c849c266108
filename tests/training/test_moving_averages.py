"""With `use_ema` the classifier that a run leaves has the moving averages of its weights."""

import json

import numpy as np
import pytest

from framework.cli.main import main
from tests.helpers.small_runs import load_weights
from tests.helpers.small_sweeps import BASE


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Trains with an optimizer; returns the weights that the run leaves."""
    folder = tmp_path_factory.mktemp("averages")

    def run(name, **optimizer):
        config = folder / f"{name}.json"
        optimizer = {"name": "Adam", "learning_rate": 0.01, **optimizer}
        training = BASE["training_config"] | {"optimizer": optimizer}
        config.write_text(json.dumps(BASE | {"training_config": training}))
        assert main(["--config", str(config), "--output", str(folder / name)]) == 0
        return load_weights(folder / name / "model.keras")

    return run


@pytest.mark.usefixtures("no_figures")
def test_the_classifier_has_the_averages_of_its_weights(train):
    plain = train("plain")
    forgetful = train("forgetful", use_ema=True, ema_momentum=0.0)
    slow = train("slow", use_ema=True, ema_momentum=0.9)
    assert all(np.array_equal(a, b) for a, b in zip(plain, forgetful, strict=True))
    # Of weights that move away from where they began, the average lags behind.
    assert not any(np.allclose(a, b, atol=1e-3) for a, b in zip(plain, slow, strict=True))

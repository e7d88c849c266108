"""Whatever the catalogue allows either builds, or is refused at its place in the config.

More examples than the few of every day:

    HYPOTHESIS_EXAMPLES=10000 python -m pytest tests/models/test_random_configs.py
"""

import os

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.config import catalog, resolve_config
from framework.errors import ConfigError
from framework.models.top import build_top
from framework.models.top_validator import TopValidator
from framework.training.callbacks import build_callbacks
from framework.training.objectives import build_loss, build_metrics, build_optimizer
from tests.helpers.catalog_strategies import draw_arguments, draw_named

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "40"))
patient = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
SOFTMAX = {
    "layer_type": "Dense",
    "initializing_parameters": {"units": 10, "activation": "softmax"},
}
BEFORE = {
    "maps": {},
    "vector": {"before": {"layer_type": "Flatten"}},
    "sequence": {
        "before": {"layer_type": "Reshape", "initializing_parameters": {"target_shape": [9, 4]}}
    },
}


def make_config(top=None, **training):
    top = top or {"flat": {"layer_type": "Flatten"}, "out": SOFTMAX}
    return resolve_config(
        {
            "training_config": training,
            "data_config": {"image_shape": {"image_rows": 32, "image_columns": 32}},
            "model_configuration": {"model_name": "VGG16", "model_top_config": top},
        }
    )


def make_backbone():
    """A network of two layers, 8x8x3 to 3x3x4, that is named as VGG16's."""
    image = keras.Input((8, 8, 3), name="image")
    maps = keras.layers.Conv2D(4, 3, name="block1_conv1")(image)
    return keras.Model(image, keras.layers.MaxPooling2D(name="block1_pool")(maps))


@st.composite
def draw_top(draw):
    """Draws a layer with arguments, on maps, a vector or a sequence, before a flat end."""
    layer_type = draw(st.sampled_from(catalog.list_names("layers")))
    before = BEFORE[draw(st.sampled_from(list(BEFORE)))]
    rule = catalog.find_input_rule(layer_type)
    source = "before" if before else "backbone"
    return {
        **before,
        "drawn": {
            "layer_type": layer_type,
            "initializing_parameters": draw(draw_arguments("layers", layer_type)),
            "input_layer": source if rule.form == "single" else [source] * max(2, rule.fewest),
        },
        "flat": {"layer_type": "Flatten"},
        "out": SOFTMAX,
    }


@patient
@given(draw_top())
def test_a_drawn_layer_builds_and_runs_or_is_refused(top):
    try:
        config = make_config(top)
        backbone = make_backbone()
        validator = TopValidator(config.model_configuration.model_top_config, config.source_map)
        output = build_top(validator, backbone)
        validator.check_output(tuple(output.shape), 10, "'mnist'")
        names = {layer.name for layer in backbone.layers}
        validator.validate_forward(keras.Model(backbone.inputs, output), names)
    except ConfigError as error:
        assert all("model_top_config." in problem.path for problem in error.problems)


@patient
@given(draw_named("optimizers"))
def test_a_drawn_optimizer_builds_or_is_refused(optimizer):
    try:
        config = make_config(optimizer=optimizer)
    except ConfigError:
        return
    build_optimizer(config.training_config.optimizer).build([keras.Variable([[1.0, 2.0]])])


@patient
@given(draw_named("losses"), st.none() | draw_named("metrics"))
def test_a_drawn_loss_and_metric_compute_or_are_refused(loss, metric):
    try:
        config = make_config(loss=loss, metrics=[metric] if metric else None).training_config
    except ConfigError:
        return
    one_hot = catalog.wants_one_hot("losses", config.loss.name)
    classes = keras.ops.array([1, 0])
    labels = keras.ops.one_hot(classes, 10) if one_hot else classes
    probabilities = keras.ops.softmax(keras.random.normal((2, 10), seed=0))
    build_loss(config.loss)(labels, probabilities)
    accuracy, *others = build_metrics(config)
    for measure in (accuracy, *others):
        measure.update_state(labels, probabilities)
        measure.result()
    assert [m.name for m in others] == [
        catalog.find_entry("metrics", m.name)["log_name"] for m in config.metrics
    ]


@pytest.mark.parametrize("name", catalog.list_names("callbacks"))
def test_drawn_callbacks_build_or_are_refused(name, tmp_path):
    @patient
    @given(draw_arguments("callbacks", name))
    def run(arguments):
        try:
            config = make_config(call_backs_conf={name: arguments}, optimizer={"use_ema": True})
        except ConfigError:
            return
        callbacks = config.training_config.call_backs_conf
        if name != "TensorBoard":  # It needs a package that is not installed everywhere.
            assert build_callbacks(callbacks, tmp_path, make_backbone())

    run()

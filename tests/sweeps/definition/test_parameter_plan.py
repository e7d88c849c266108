"""Which values the trials have, known beforehand."""

import pytest

from framework.sweeps.definition.parameter_plan import ParameterPlan
from framework.sweeps.definition.search_space import Choice, Range, make_dimension
from framework.sweeps.definition.sweep_config import SweepConfig

LETTERS = Choice((("a", "a"), ("b", "b")))


def list_plan(space, **settings):
    plan = ParameterPlan(space, SweepConfig(keys={}, **settings))
    return [plan.find_parameters(number) for number in range(plan.trials)]


def test_a_grid_has_every_combination_once():
    space = {"letter": LETTERS, "number": Range(1, 3, 1)}
    trials = list_plan(space, sampler="grid")
    assert [(t["letter"], t["number"]) for t in trials] == [
        ("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("b", 3),
    ]  # fmt: skip
    assert list_plan(space, sampler="grid", trials=4) == trials[:4]


def test_a_random_search_repeats_nothing_and_depends_on_its_seed_alone():
    space = {"letter": LETTERS, "number": Range(1, 8, 1)}
    trials = list_plan(space, trials=12, seed=3)
    assert len({repr(trial) for trial in trials}) == 12
    assert list_plan(space, trials=8, seed=3) == trials[:8]
    assert list_plan(space, trials=12, seed=4) != trials
    late = ParameterPlan(space, SweepConfig(keys={}, trials=12, seed=3))
    assert late.find_parameters(11) == trials[11]


def test_a_random_search_ends_where_all_combinations_are_tried():
    trials = list_plan({"letter": LETTERS, "number": Range(1, 3, 1)}, trials=50)
    assert len({repr(trial) for trial in trials}) == len(trials) == 6


@pytest.mark.parametrize(
    ("entry", "low", "high", "kind"),
    [
        ({"range": [0.1, 0.9]}, 0.1, 0.9, float),
        ({"range": [0.1, 0.9], "step": 0.1}, 0.1, 0.9, float),
        ({"range": [3, 9]}, 3, 9, int),
        ({"log_range": [1e-5, 1e-1]}, 1e-5, 1e-1, float),
        ({"log_range": [8, 512]}, 8, 512, int),
    ],
)
def test_a_range_is_drawn_from_end_to_end(entry, low, high, kind):
    dimension = make_dimension(entry)
    drawn = [dimension.quantile(share / 1000) for share in range(1000)]
    assert min(drawn) == low
    assert low <= max(drawn) <= high
    assert max(drawn) > high * 0.98
    assert {type(value) for value in drawn} == {kind}


def test_a_step_that_misses_the_end_stops_before_it():
    dimension = make_dimension({"range": [0, 10], "step": 4})
    assert [dimension.value_at(index) for index in range(dimension.count())] == [0, 4, 8]
    assert dimension.highest == 8


def test_a_logarithmic_range_is_drawn_by_its_logarithm():
    dimension = make_dimension({"log_range": [1e-4, 1e-2]})
    assert dimension.quantile(0.5) == pytest.approx(1e-3)


def test_a_choice_may_have_whole_objects_and_names():
    layer = {"layer_type": "Flatten"}
    listed = make_dimension({"choice": [layer, None, 3]})
    assert [listed.value_at(index) for index in range(3)] == ['{"layer_type": "Flatten"}', None, 3]
    assert listed.decode('{"layer_type": "Flatten"}') == layer
    named = make_dimension({"choice": {"plain": layer}})
    assert (named.value_at(0), named.decode("plain")) == ("plain", layer)

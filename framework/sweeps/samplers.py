"""Optuna's part in drawing values, and in giving trials up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from framework.sweeps.definition.search_space import Choice, Dimension, Parameter, Range, Space
from framework.sweeps.definition.sweep_config import SweepConfig
from framework.sweeps.parameter_plan import Plan


class PlannedSampler(BaseSampler):
    """Gives a trial the parameters that were planned for it.

    Args:
        parameters: The value of each parameter.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        self._parameters = parameters

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return nothing: no parameter depends on another."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: no parameter depends on another."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the planned value."""
        return self._parameters[param_name]


def make_sampler(settings: SweepConfig, plan: Plan, place: int) -> BaseSampler:
    """Return the sampler of one trial, which draws the same whichever process asks it.

    Args:
        settings: Which sampler, and the seed.
        plan: The parameters of the trials, where they don't depend on results.
        place: The trial's number.
    """
    if settings.sampler != "tpe":
        return PlannedSampler(plan.find_parameters(place))
    digest = hashlib.sha256(f"{settings.seed}/{place}".encode()).digest()
    return TPESampler(seed=int.from_bytes(digest[:4], "big"))


def make_pruner(settings: SweepConfig) -> BasePruner:
    """Return what tells which trials are hopeless."""
    if settings.pruner == "none":
        return NopPruner()
    return MedianPruner(
        n_startup_trials=settings.pruner_startup_trials,
        n_warmup_steps=settings.pruner_warmup_epochs,
    )


def suggest_parameters(trial: optuna.Trial, space: Space) -> dict[str, Parameter]:
    """Return a trial's parameters: those it has already, or else its sampler's."""
    return {path: _suggest(trial, path, dimension) for path, dimension in space.items()}


def _suggest(trial: optuna.Trial, path: str, dimension: Dimension) -> Parameter:
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(path, [label for label, _ in dimension.values])
    if not isinstance(dimension, Range):
        raise TypeError(f"no such kind of dimension: {dimension!r}")
    if dimension.is_integer:
        step = 1 if dimension.log else int(dimension.step or 1)
        return trial.suggest_int(
            path, int(dimension.low), int(dimension.highest), step=step, log=dimension.log
        )
    return trial.suggest_float(
        path, dimension.low, dimension.highest, step=dimension.step, log=dimension.log
    )

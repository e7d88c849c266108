"""Optuna's samplers and pruners, as a sweep's settings choose them."""

import hashlib

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler

from framework.sweeps.definition.parameter_plan import ParameterPlan
from framework.sweeps.definition.search_space import Choice, Dimension, Parameter, Space
from framework.sweeps.definition.sweep_config import SweepConfig
from framework.sweeps.storage import allow_experimental


def make_sampler(settings: SweepConfig, plan: ParameterPlan, trial_index: int) -> BaseSampler:
    """Return the sampler of one trial; it gives the same values in every process.

    Args:
        settings: Which sampler, and the seed.
        plan: The parameters of the trials, where they don't depend on results.
        trial_index: The trial's number.
    """
    if settings.sampler != "tpe":
        with allow_experimental():
            return PartialFixedSampler(plan.find_parameters(trial_index), RandomSampler())
    digest = hashlib.sha256(f"{settings.seed}/{trial_index}".encode()).digest()
    return TPESampler(seed=int.from_bytes(digest[:4], "big"))


def make_pruner(settings: SweepConfig) -> BasePruner:
    """Return what decides which trials are pruned."""
    if settings.pruner == "none":
        return NopPruner()
    return MedianPruner(
        n_startup_trials=settings.pruner_startup_trials,
        n_warmup_steps=settings.pruner_warmup_epochs,
    )


def suggest_parameters(trial: optuna.Trial, space: Space) -> dict[str, Parameter]:
    """Return a trial's parameters: those it already has, or else its sampler's."""
    return {path: _suggest(trial, path, dimension) for path, dimension in space.items()}


def _suggest(trial: optuna.Trial, path: str, dimension: Dimension) -> Parameter:
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(path, [label for label, _ in dimension.values])
    if dimension.is_integer:
        step = 1 if dimension.log else int(dimension.step or 1)
        return trial.suggest_int(
            path, int(dimension.low), int(dimension.highest), step=step, log=dimension.log
        )
    return trial.suggest_float(
        path, dimension.low, dimension.highest, step=dimension.step, log=dimension.log
    )

"""The phases of a training: first the top alone, then the upper backbone layers with it."""

from dataclasses import dataclass
from typing import Literal

from framework.config.model import KerasObject, TrainingConfig


@dataclass(frozen=True)
class Phase:
    """Epochs with one optimizer and one split point.

    Args:
        name: As `history.csv` calls it, where there are two phases.
        epochs: How many epochs at most.
        optimizer: A fresh one is built for the phase.
        unfreeze_from: The lowest backbone layer that is unfrozen at the phase's start.
    """

    name: Literal["top", "fine_tuning"]
    epochs: int
    optimizer: KerasObject
    unfreeze_from: str | None = None


def plan_phases(settings: TrainingConfig) -> tuple[Phase, ...]:
    """Return the phases that a config asks for: none, one, or two with `fine_tuning`."""
    if not settings.enable_training:
        return ()
    epochs = settings.epochs if settings.solver is None else 1
    top = Phase("top", epochs, settings.optimizer)
    tuning = settings.fine_tuning
    if tuning is None:
        return (top,)
    optimizer = KerasObject(
        settings.optimizer.name,
        {**settings.optimizer.arguments, "learning_rate": tuning.learning_rate},
    )
    return (top, Phase("fine_tuning", tuning.epochs, optimizer, tuning.unfreeze_from))

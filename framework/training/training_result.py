"""What a training ends with."""

from dataclasses import asdict, dataclass
from typing import Any

from framework.training.divergence import Divergence
from framework.training.solvers.closed_form import Solution


@dataclass(frozen=True)
class TrainingResult:
    """The state of a training after a phase.

    Args:
        history: The rows of `history.csv`, one an epoch.
        divergence: Where and why the training ended early; `None` if it did not.
        solution: The closed form, if the config names a solver.
        model_epoch: The epoch, counted from 1, that the weights are of; `None` if there is none,
            or it is not known.
        temperature: What the logits were divided by after training, if the config wants it.
    """

    history: list[dict[str, Any]]
    divergence: Divergence | None = None
    solution: Solution | None = None
    model_epoch: int | None = None
    temperature: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return the entries of `metrics.json` that only some trainings have."""
        found: dict[str, Any] = {}
        if self.divergence is not None:
            found["diverged"] = self.divergence.describe()
        if self.solution is not None:
            found["solver"] = asdict(self.solution)
        if self.model_epoch is not None:
            best = min(self.history, key=lambda row: float(row["val_loss"]))
            found |= {"model_epoch": self.model_epoch, "best_epoch": best["epoch"]}
        return found

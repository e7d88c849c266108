"""The tracker that a config names: none, MLflow or TensorBoard."""

from collections.abc import Iterator
from contextlib import contextmanager

from framework.tracking.requirements import require_mlflow, require_tensorboard
from framework.tracking.tracker import TrackedRun, Tracker


@contextmanager
def start_tracking(run: TrackedRun) -> Iterator[Tracker]:
    """Record a run while the body trains it.

    Raises:
        RunError: A package is missing.
    """
    tracker = _make_tracker(run)
    status = "KILLED"
    try:
        yield tracker
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        tracker.close(status)


def _make_tracker(run: TrackedRun) -> Tracker:
    tracking = run.config.training_config.tracking
    if tracking is None:
        return Tracker()
    if tracking.name == "tensorboard":
        require_tensorboard()
        from framework.tracking.tensorboard_tracker import TensorBoardTracker

        return TensorBoardTracker(run)
    require_mlflow()
    from framework.tracking.mlflow_tracker import MlflowTracker

    return MlflowTracker(run, tracking)

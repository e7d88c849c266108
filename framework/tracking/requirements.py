"""The packages that tracking needs."""

from framework.utils.optional_dependencies import require_packages

EXTRA = "tracking"
MLFLOW = {"mlflow": "mlflow-skinny", "sqlalchemy": "sqlalchemy", "alembic": "alembic"}
TENSORBOARD = {"tensorboard": "tensorboard"}


def require_mlflow() -> None:
    """Make sure that MLflow is installed; raises `RunError`."""
    require_packages("training_config.tracking: 'mlflow'", MLFLOW, EXTRA)


def require_tensorboard() -> None:
    """Make sure that TensorBoard is installed; raises `RunError`."""
    require_packages("training_config.tracking: 'tensorboard'", TENSORBOARD, EXTRA)

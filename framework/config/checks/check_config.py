"""Everything that is wrong with a config's merged values: first by the schema, then by rules."""

from collections.abc import Callable, Iterator
from typing import Any

from framework.config import catalog
from framework.config.checks.after_training_rules import check_calibration, check_folds
from framework.config.checks.backbone_rules import (
    check_backbone_arguments,
    check_backbone_layers,
    check_image_shape,
    check_keras_file,
    check_report,
    check_saved_model,
    check_weights,
)
from framework.config.checks.callback_rules import check_callbacks, check_tracking
from framework.config.checks.dataset_rules import check_classes, check_dataset, check_units
from framework.config.checks.hub_rules import MODEL_NAME, check_hub_preset
from framework.config.checks.objective_rules import check_end, check_objective, check_optimizer
from framework.config.checks.partial_config import PartialConfig
from framework.config.checks.solver_rules import check_solver
from framework.config.checks.top_rules import check_top
from framework.config.schema.validator import check_schema
from framework.config.violations import Violation

_RULES: tuple[Callable[[PartialConfig], Iterator[Violation]], ...] = (
    check_keras_file,
    check_hub_preset,
    check_image_shape,
    check_backbone_arguments,
    check_dataset,
    check_classes,
    check_weights,
    check_saved_model,
    check_objective,
    check_backbone_layers,
    check_callbacks,
    check_tracking,
    check_optimizer,
    check_report,
    check_solver,
    check_calibration,
    check_folds,
)


def check_config(values: dict[str, Any], recorded: bool = False) -> list[Violation]:
    """Return all that is wrong with merged values.

    Args:
        values: Of a config.
        recorded: Whether it is the config of a run, which has its backbone in its own model: the
            file or preset that this was read from may be gone.
    """
    violations = check_schema(values)
    wrong = [violation.path for violation in violations]
    if recorded and catalog.has_own_weights(PartialConfig(values, wrong).backbone):
        wrong.append(MODEL_NAME)
    partial = PartialConfig(values, wrong)
    found = list(check_top(partial))
    if not found:  # Otherwise it is not certain which layer is the last.
        found += [*check_end(partial), *check_units(partial)]
    found.extend(violation for rule in _RULES for violation in rule(partial))
    return violations + [
        violation
        for violation in found
        if not any(violation.path[: len(path)] == path for path in wrong)
    ]

"""What is said of a trial, and noted of its end, wherever it runs."""

from __future__ import annotations

import logging

from framework.sweeps.definition.sweep import Sweep
from framework.sweeps.results.ranking import format_parameters
from framework.sweeps.study import ActiveTrial, Study
from framework.sweeps.trial import TrialResult

logger = logging.getLogger(__name__)


def announce_trial(claim: ActiveTrial) -> None:
    """Say what a trial tries."""
    logger.info("Trial %d: %s", claim.place, format_parameters(claim.parameters))


def finish_trial(study: Study, sweep: Sweep, claim: ActiveTrial, result: TrialResult) -> None:
    """Note how a trial ended, and say it."""
    study.settle(claim, result)
    if result.value is None:
        logger.warning(
            "  trial %d %s: %s", claim.place, result.state, result.message.splitlines()[0]
        )
    else:
        logger.info("  trial %d: %s %.4g", claim.place, sweep.settings.metric, result.value)

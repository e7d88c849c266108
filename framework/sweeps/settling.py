"""What is said of a trial, and noted of its end, wherever it runs."""

from __future__ import annotations

import logging

from framework.sweeps.loading import Sweep
from framework.sweeps.ranking import format_parameters
from framework.sweeps.study import Claim, Study
from framework.sweeps.trials import TrialResult

logger = logging.getLogger(__name__)


def announce_trial(claim: Claim) -> None:
    """Says what a trial tries."""
    logger.info("Trial %d: %s", claim.place, format_parameters(claim.parameters))


def settle_trial(study: Study, sweep: Sweep, claim: Claim, result: TrialResult) -> None:
    """Notes how a trial ended, and says it."""
    study.settle(claim, result)
    if result.value is None:
        logger.warning(
            "  trial %d %s: %s", claim.place, result.state, result.message.splitlines()[0]
        )
    else:
        logger.info("  trial %d: %s %.4g", claim.place, sweep.settings.metric, result.value)

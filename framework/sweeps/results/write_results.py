"""The files that a sweep writes: ranking, comparison, figures, and the best config."""

import logging
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from framework.config import dump_config, resolve_config
from framework.config.reserved_files import RANKING
from framework.errors import RunError
from framework.evaluation.comparison.compare_runs import compare_runs
from framework.sweeps.definition.sweep import Sweep
from framework.sweeps.results.ranking import (
    Row,
    format_ranking,
    format_ranking_csv,
    rank_trials,
)
from framework.sweeps.results.study_figures import draw_figures
from framework.sweeps.study import Study
from framework.sweeps.trial_result import is_minimized
from framework.utils.files import write_json, write_text
from framework.utils.native_logs import start_tensorflow

logger = logging.getLogger(__name__)

MAX_COMPARED = 10
"""How many of the best trials are compared."""


def write_results(study: Study, sweep: Sweep, directory: Path) -> None:
    """Write the results of all trials so far, and log where they are.

    Raises:
        RunError: No trial is complete, or a file can't be written.
    """
    metric = sweep.settings.metric
    rows = rank_trials(study.list_trials(), directory, is_minimized(metric))
    if not rows:
        raise RunError("No trial has started: give the sweep more time with time_budget.")
    # Processes that share the directory finish at the same time.
    with FileLock(directory / "locks" / "results.lock"):
        write_text(directory / RANKING, format_ranking_csv(rows, metric))
        logger.info("\n%s\n", format_ranking(rows, metric))
        complete = [row for row in rows if row.state == "complete"]
        if not complete:
            raise RunError(_explain_failure(rows, directory))
        best = complete[0]
        values = sweep.make_values(best.parameters)
        write_json(directory / "best.json", dump_config(resolve_config(values, "best.json")))
        here = [row.directory for row in complete if (row.directory / "metrics.json").is_file()]
        write_reports(here, sweep.settings.reports)
        draw_figures(study.record, rows, metric, directory)
        if len(here) > 1:
            compare_runs(here[:MAX_COMPARED], directory, metric)
    _announce(best, metric, directory, compared=len(here) > 1)


def write_reports(directories: Sequence[Path], wanted: int | str) -> None:
    """Draw the figures and reports of the best runs that have none yet.

    Args:
        directories: Finished runs, the best first.
        wanted: How many; `"all"`.
    """
    chosen = directories if wanted == "all" else directories[: int(wanted)]
    missing = [path for path in chosen if not (path / "report.html").is_file()]
    if not missing:
        return
    start_tensorflow()
    from framework.inference.report_run import report_run
    from framework.sweeps.trial_runner import load_dataset_once

    logger.info("Drawing the reports of the best %d", len(chosen))
    for directory in missing:
        report_run(directory, load_dataset_once)


def _explain_failure(rows: Sequence[Row], directory: Path) -> str:
    failed = [row for row in rows if row.state == "failed"]
    if not failed:
        return f"No trial is complete. Resume with: run.py sweep --resume {directory}"
    return (
        f"All {len(rows)} trials have failed or were pruned; trial {failed[0].trial} says:\n"
        f"{failed[0].message}\nAll messages are in {directory / RANKING}."
    )


def _announce(best: Row, metric: str, directory: Path, compared: bool) -> None:
    logger.info("Best      trial %d, %s %.4g", best.trial, metric, best.value)
    logger.info("Results   %s", directory)
    if compared:
        logger.info("Look at   %s", directory / "comparison.html")
    logger.info("Next      python run.py --config %s", directory / "best.json")

"""What programs of the tests are forked with: the imports that take seconds, and no thread yet."""

import gc
from importlib import import_module

from framework.utils.native_logs import start_tensorflow

start_tensorflow()

import optuna  # noqa: E402, F401

import framework.cli.commands.sweep  # noqa: E402
import framework.cli.commands.train  # noqa: E402
import framework.cli.main  # noqa: E402
import framework.experiment  # noqa: E402
import framework.sweeps.trial_runner  # noqa: E402, F401
from framework.evaluation.report.drawing import WORKER_MODULES  # noqa: E402

for name in WORKER_MODULES:
    import_module(name)

gc.freeze()

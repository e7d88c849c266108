"""What programs of the tests are forked with: the imports that take seconds, and no thread yet."""

import gc

from framework.quiet import start_tensorflow

start_tensorflow()

import optuna  # noqa: E402, F401

import framework.cli  # noqa: E402
import framework.commands.sweep  # noqa: E402
import framework.commands.train  # noqa: E402
import framework.experiment  # noqa: E402
import framework.sweeps.running  # noqa: E402, F401

gc.freeze()

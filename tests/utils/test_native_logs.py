"""TensorFlow's startup messages are dropped, and nothing else."""

import gc
import os

from framework.utils.native_logs import STARTUP_MESSAGES, filter_standard_error, start_tensorflow

NOTES = """
I0000 00:00:1795607300.806360   15098 port.cc:153] oneDNN custom operations are on.
E0000 00:00:1795609563.726896   16927 cuda_platform.cc:52] failed call to cuInit: INTERNAL
2026-11-25 12:56:54.561112: E external/local_xla/xla/cuda_platform.cc:51] failed call to cuInit
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
To enable the following instructions: AVX2 FMA, rebuild TensorFlow.
"""


def test_notes_of_the_start_are_dropped_and_the_rest_is_said(capfd):
    with filter_standard_error(STARTUP_MESSAGES):
        os.write(2, NOTES.encode() + b"2026-11-25 12:56:54.561112: W something.cc:1] matters\n")
    assert capfd.readouterr().err.strip() == "2026-11-25 12:56:54.561112: W something.cc:1] matters"


def test_what_is_made_after_tensorflow_has_started_stays_collectable():
    start_tensorflow()
    frozen = gc.get_freeze_count()
    start_tensorflow()
    assert gc.get_freeze_count() == frozen

"""Python imports this when it starts: the programs that tests run are as strict as the tests."""

import os
import sys
import traceback
import warnings

warnings.filterwarnings("error", module="framework")
warnings.filterwarnings("error", "unclosed file", ResourceWarning)


def end_program(unraisable):
    """Ends the program over a warning in a destructor, which Python could only print."""
    if not isinstance(unraisable.exc_value, Warning):
        return sys.__unraisablehook__(unraisable)
    traceback.print_exception(unraisable.exc_value)
    sys.stderr.flush()
    os._exit(70)


sys.unraisablehook = end_program

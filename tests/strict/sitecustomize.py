"""Python imports this when it starts: the programs that tests run are as strict as the tests."""

import os
import sys
import traceback
import warnings

warnings.filterwarnings("error", module="framework")
warnings.filterwarnings("error", "unclosed file", ResourceWarning)


def end_program(unraisable):
    """Ends the program over an error that Python could only print, such as a file left open."""
    traceback.print_exception(unraisable.exc_value)
    sys.stderr.flush()
    os._exit(70)


sys.unraisablehook = end_program

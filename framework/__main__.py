"""Run the command line with `python -m framework`."""

import sys

from framework.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

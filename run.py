"""Train, evaluate and use classifiers described by one config file; see README.md."""

import sys

from framework.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

"""`run.py draw --run DIR`: serve a local page to draw on."""

import argparse
from contextlib import suppress

from framework.cli.options import add_reading, add_run, choose_run


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    parser.add_argument(
        "--port", type=_parse_port, default=7860, help="0 for any free port (default: 7860)"
    )
    add_reading(parser)


def _parse_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535. Found {text!r}.")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve the page until interrupted, which is the regular end."""
    from framework.utils.optional_dependencies import require_packages

    packages = {
        "starlette": "starlette",
        "uvicorn": "uvicorn",
        "cv2": "opencv-python-headless",
    }
    require_packages("The page", packages, "app")
    from framework.inference.app.server import serve_page
    from framework.inference.picture_reader import ReadOptions

    with suppress(KeyboardInterrupt):
        reading = ReadOptions(options.invert, options.frame, options.coverage)
        serve_page(choose_run(options), options.port, reading)
    return 0

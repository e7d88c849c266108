"""What `draw` and `serve` have in common."""

import argparse
from contextlib import suppress
from typing import Any

from framework.cli.options import choose_run

PACKAGES = {
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
    "swagger_ui_bundle": "swagger-ui-bundle",
    "cv2": "opencv-python-headless",
}


def add_port(parser: argparse.ArgumentParser, default: int) -> None:
    """Add `--port`."""
    parser.add_argument(
        "--port",
        type=_parse_port,
        default=default,
        metavar="P",
        help=f"0 for any free port (default: {default})",
    )


def _parse_port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535. Found {text!r}.")
    return int(text)


def serve_until_interrupted(options: argparse.Namespace, **settings: Any) -> int:
    """Serve the page and predictions; see `framework.inference.app.server.serve`."""
    from framework.utils.optional_dependencies import require_packages

    require_packages("The server", PACKAGES, "app")
    from framework.inference.app.server import serve
    from framework.inference.picture_reader import ReadOptions

    with suppress(KeyboardInterrupt):
        reading = ReadOptions(options.invert, options.frame, options.coverage)
        serve(choose_run(options), options.port, options=reading, **settings)
    return 0

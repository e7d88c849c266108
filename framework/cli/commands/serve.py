"""`run.py serve --run DIR`: predictions over HTTP."""

import argparse
import os

from framework.cli.options import add_reading, add_run
from framework.cli.serving import add_port, serve_until_interrupted

TOKEN_VARIABLE = "TRANSFER_FRAMEWORK_TOKEN"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_run(parser)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="the address to listen on; 0.0.0.0: all of this machine's (default: 127.0.0.1)",
    )
    add_port(parser, 8000)
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE),
        help="refuse requests that do not send it as Authorization: Bearer TOKEN "
        f"(default: the environment variable {TOKEN_VARIABLE}, if there is one)",
    )
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="refuse requests that call the server by another name; repeatable",
    )
    add_reading(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted or terminated, which are the regular ends."""
    return serve_until_interrupted(
        options, host=options.host, token=options.token or None, hosts=options.allowed_host
    )

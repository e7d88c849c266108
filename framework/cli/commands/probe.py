"""`run.py probe --config C`: which layer of the backbone the top should read."""

from __future__ import annotations

import argparse
from pathlib import Path

from framework.cli.commands.predict import parse_positive
from framework.cli.commands.train import add_overrides


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--config", type=Path, required=True, help="names backbone and images")
    add_overrides(parser)
    parser.add_argument(
        "--layers",
        type=parse_layers,
        default="auto",
        metavar="auto|all|A,B",
        help="auto: those that carry all there is from the image to the end (default); all; or "
        "names, with commas between them",
    )
    parser.add_argument(
        "--images",
        type=parse_positive,
        default=3000,
        metavar="N",
        help="use at most N images of training and validation together (default: 3000)",
    )
    parser.add_argument(
        "--shots",
        type=parse_shots,
        default="5,10,100,all",
        metavar="N,N,all",
        help="train on so many images of each class, one after the other (default: 5,10,100,all)",
    )
    parser.add_argument(
        "--backbones",
        type=parse_names,
        default=(),
        metavar="A,B",
        help="probe these backbones (default: the config's own)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the directory to write to (default: results/<config>-probe/<time>)",
    )


def parse_names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError(f"expected names with commas between them. Found {text!r}")
    return names


def parse_layers(text: str) -> str | tuple[str, ...]:
    """Read `auto`, `all`, or name of layers."""
    return text if text in ("auto", "all") else parse_names(text)


def parse_shots(text: str) -> tuple[int | str, ...]:
    """Read numbers of images a class, and `all`."""
    return tuple(word if word == "all" else parse_positive(word) for word in parse_names(text))


def run(options: argparse.Namespace) -> int:
    """Probe, and write the results."""
    from framework.config import load_config
    from framework.utils.native_logs import start_tensorflow

    config = load_config(options.config, options.overrides)
    start_tensorflow()
    from framework.probing.backbone_probe import ProbeSettings
    from framework.probing.probe import run_probe

    settings = ProbeSettings(options.layers, options.images, options.shots, options.backbones)
    run_probe(config, options.config.stem, settings, options.output)
    return 0

"""`run.py probe --config C`: find the layer of the backbone that the top should read."""

import argparse

from framework.cli.options import add_config, add_output, parse_positive


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_config(parser, "names backbone and images")
    parser.add_argument(
        "--layers",
        type=parse_layers,
        default="auto",
        metavar="auto|all|A,B",
        help="auto: those whose single output is all that later layers read (default); all; or "
        "names separated by commas",
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
        help="numbers of training images of each class (default: 5,10,100,all)",
    )
    parser.add_argument(
        "--backbones",
        type=parse_names,
        default=(),
        metavar="A,B",
        help="probe these backbones (default: the config's own)",
    )
    add_output(parser, "the directory to write to (default: results/<config>-probe/<time>)")


def parse_names(text: str) -> tuple[str, ...]:
    """Parse names separated by commas."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError(f"expected names separated by commas. Found {text!r}.")
    return names


def parse_layers(text: str) -> str | tuple[str, ...]:
    """Parse `auto`, `all`, or names of layers."""
    return text if text in ("auto", "all") else parse_names(text)


def parse_shots(text: str) -> tuple[int | str, ...]:
    """Parse numbers of images per class, and `all`."""
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

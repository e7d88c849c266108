"""A text becomes a `Config`, or a list of problems. Never imports TensorFlow."""

from framework.config.loader import load_config, load_run_config, resolve_config
from framework.config.model import Config
from framework.config.serialization import dump_config

__all__ = ["Config", "dump_config", "load_config", "load_run_config", "resolve_config"]

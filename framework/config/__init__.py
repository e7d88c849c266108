"""A text becomes a `Config`, or a list of problems. Never imports TensorFlow."""

from framework.config.building import dump_config
from framework.config.loading import load_config, resolve_config
from framework.config.sections import Config

__all__ = ["Config", "dump_config", "load_config", "resolve_config"]

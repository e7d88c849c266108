"""Whatever is done to a config, it is valid or gets its problems: quickly, and never a traceback.

Ten thousand examples, as a release should pass them:

    HYPOTHESIS_EXAMPLES=10000 python -m pytest tests/config/test_mutations.py
"""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.config import dump_config, load_config, resolve_config
from framework.errors import ConfigError
from tests.helpers.config_mutations import TEXTS, mutated

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))
LONGEST = 5.0
"""Seconds of CPU that checking a config may take; it takes a fiftieth, but machines differ."""

BASES = [
    dump_config(load_config(path))
    for path in sorted((ROOT / "configs").iterdir())
    if path.suffix in (".json", ".yaml") and path.stem != "sweep"
] + [json.loads((ROOT / "tests" / "config" / "valid.json").read_text())]

patient = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


def check(make_config):
    """Return the config, or nothing where it has problems that are well formed."""
    start = time.process_time()
    try:
        config = make_config()
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.message.strip()
            assert "\n" not in str(problem)
            assert len(str(problem)) < 2000
        config = None
    assert time.process_time() - start < LONGEST
    return config


@patient
@given(mutated(BASES))
def test_mutated_values(values):
    config = check(lambda: resolve_config(values))
    if config is not None:
        assert resolve_config(dump_config(config)) == config
        json.dumps(dump_config(config), allow_nan=False)


@patient
@given(mutated(BASES))
def test_mutated_files(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "mutated.json"
    path.write_text(json.dumps(values), encoding="utf-8", errors="surrogatepass")
    check(lambda: load_config(path))


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_mutated_texts(tmp_path, ending):
    path = tmp_path / f"mutated.{ending}"
    text = (ROOT / "tests" / "config" / "valid.json").read_text()

    @patient
    @given(st.integers(0, len(text)), st.integers(0, 40), TEXTS | st.sampled_from(list("{}[]:,")))
    def run(start, removed, inserted):
        mutated_text = text[:start] + inserted + text[start + removed :]
        path.write_bytes(mutated_text.encode("utf-8", errors="surrogatepass"))
        check(lambda: load_config(path))

    run()


def test_mutated_options():
    path = ROOT / "tests" / "config" / "valid.json"
    keys = st.sampled_from(
        ["training_config", "epochs", "optimizer", "lr", "0", "", "data_config", "dataset",
         "model_configuration", "weights", "model_top_config", "dense_1"]
    )  # fmt: skip

    @patient
    @given(st.lists(keys, max_size=4), TEXTS)
    def run(parts, value):
        check(lambda: load_config(path, [f"{'.'.join(parts)}={value}"]))

    run()

import shutil

import pytest


@pytest.fixture(scope="session")
def trained(digits_run):
    from framework.inference.trained_classifier import load_classifier

    return load_classifier(digits_run)


@pytest.fixture(scope="session")
def cautious_run(digits_run, tmp_path_factory):
    """The run of the digits, whose model knows what is unlike them."""
    from tests.helpers.digits_run import add_novelty

    copy = tmp_path_factory.mktemp("cautious") / "run"
    return add_novelty(shutil.copytree(digits_run, copy))


@pytest.fixture(scope="session")
def cautious(cautious_run):
    from framework.inference.trained_classifier import load_classifier

    return load_classifier(cautious_run)

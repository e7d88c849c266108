import pytest
from digits_run import train_digits_run

from framework.inference.loading import load_classifier


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    return train_digits_run(tmp_path_factory.mktemp("digits") / "run")


@pytest.fixture(scope="session")
def trained(digits_run):
    return load_classifier(digits_run)

import pytest


@pytest.fixture(scope="session")
def trained(digits_run):
    from framework.inference.trained_classifier import load_classifier

    return load_classifier(digits_run)

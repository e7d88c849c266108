import pytest


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    from digits_run import train_digits_run

    return train_digits_run(tmp_path_factory.mktemp("digits") / "run")


@pytest.fixture(scope="session")
def trained(digits_run):
    from framework.inference.loading import load_classifier

    return load_classifier(digits_run)

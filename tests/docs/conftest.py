import pytest

from tests.helpers.reader_folder import copy_reader_folder, make_reader_folder


@pytest.fixture(scope="session")
def made_folder(forker, tmp_path_factory):
    """What `reader_folder` is a copy of."""
    return make_reader_folder(tmp_path_factory.mktemp("reader") / "folder", forker)


@pytest.fixture
def reader_folder(made_folder, tmp_path, monkeypatch):
    """A folder for one test, with everything that the commands of the pages name."""
    # Features are computed once for all tests, and no other test minds if they are cleared.
    monkeypatch.setenv("TRANSFER_FRAMEWORK_CACHE", str(made_folder.with_name("cache")))
    return copy_reader_folder(made_folder, tmp_path / "folder")

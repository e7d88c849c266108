"""What `run.py cache` lists, verifies and clears."""

import pytest

from framework.features import store_entry, store_maintenance
from framework.features.store import FeatureStore
from tests.helpers.stored_features import fill, find_keys


def test_list_shows_the_entries(feature_store):
    assert "0 entries, 0.00B" in store_maintenance.list_cache(feature_store)
    made = fill(feature_store, "a")
    text = store_maintenance.list_cache(feature_store)
    assert "1 entry" in text
    assert made.key[:12] in text
    assert text.splitlines()[-1].split()[-5:] == ["?", "25", "0", "?", "pool"]


def test_list_bears_a_damaged_description(feature_store):
    made = fill(feature_store, "a")
    (made.directory / store_entry.DESCRIPTION).write_text("{")
    assert made.key[:12] in store_maintenance.list_cache(feature_store)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, store_maintenance.DAMAGED),
        (b"", store_maintenance.DAMAGED),
        (b"\xff{", store_maintenance.DAMAGED),
        (b"[1, 2]", store_maintenance.DAMAGED),
        (b'{"model": "VGG16", "count": 25}', store_maintenance.OUTDATED),
        (b'{"images": 25, "pixels": [], "layers": null}', store_maintenance.OUTDATED),
    ],
)
def test_entries_that_can_not_be_understood_are_told_and_cleared(feature_store, content, said):
    made, sound = fill(feature_store, "a"), fill(feature_store, "b")
    path = made.directory / store_entry.DESCRIPTION
    path.unlink() if content is None else path.write_bytes(content)

    (line,) = [
        line
        for line in store_maintenance.list_cache(feature_store).splitlines()
        if line.startswith(f"  {made.key[:12]}")
    ]
    assert line.endswith(said)
    text, _ = store_maintenance.verify_cache(feature_store)
    assert "2 entries" in text
    assert (made.key[:12] in text) == (content is not None)
    assert store_maintenance.verify_cache(feature_store)[1]
    made.create()
    assert made.verify() == []
    assert "removed 2 entries" in store_maintenance.clear_cache(feature_store)
    assert not made.directory.exists()
    assert not sound.directory.exists()


def test_what_others_put_there_is_named_and_left_alone(feature_store):
    made = fill(feature_store, "a")
    foreign = feature_store.directory / "holiday pictures"
    foreign.mkdir()
    (foreign / store_entry.DESCRIPTION).write_text("{}")
    (feature_store.directory / made.key[:-1]).write_text("a file")

    for text in (
        store_maintenance.list_cache(feature_store),
        store_maintenance.verify_cache(feature_store)[0],
        store_maintenance.clear_cache(feature_store),
    ):
        assert "  holiday pictures  is not an entry and is left alone" in text
        assert f"  {made.key[:-1]}  is not an entry" in text
    assert foreign.exists()
    assert not made.directory.exists()


def test_verify_finds_damage_once(feature_store):
    made = fill(feature_store, "a")
    assert store_maintenance.verify_cache(feature_store) == (
        f"{feature_store.directory}: 1 entry, all intact.",
        True,
    )
    path = next(made.directory.glob("*.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    text, sound = store_maintenance.verify_cache(feature_store)
    assert not sound
    assert f"{made.key}/{path.name}" in text
    assert store_maintenance.verify_cache(feature_store)[1]
    assert len(made.find_missing()) == 1


def test_clear_keeps_what_a_run_uses(feature_store):
    used, _ = fill(feature_store, "used"), fill(feature_store, "free")
    reader = FeatureStore(feature_store.directory, 1.0)
    reader.pin(used.key)
    assert "removed 1 entry" in store_maintenance.clear_cache(feature_store)
    assert find_keys(feature_store) == [used.key]

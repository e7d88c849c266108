"""Class folders: what is read, what is skipped, and what is reported."""

import os

import numpy as np
import pytest
from PIL import Image

from framework.config.model import DatasetConfig
from framework.data.dataset import DataUnavailableError
from framework.data.registry import load_dataset, read_dataset
from framework.data.sources.image_folder import load_folder
from framework.errors import RunError

CLASSES = ("crème brûlée", "猫", "zebra")


def save_images(folder, count=3, size=(9, 7), seed=0):
    folder.mkdir(parents=True)
    random = np.random.default_rng([seed, *folder.name.encode()])
    for number in range(count):
        pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def folder(tmp_path):
    """Three classes, with three images to train on and two to test on each."""
    for name in CLASSES:
        save_images(tmp_path / "train" / name, 3)
        save_images(tmp_path / "test" / name, 2, seed=1)
    return tmp_path


def test_class_folders_give_class_names_labels_and_pixels(folder):
    dataset = read_dataset(DatasetConfig("folder", str(folder)))

    assert dataset.class_names == tuple(sorted(CLASSES))
    assert dataset.train.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert dataset.test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert dataset.remarks == ()
    images = list(dataset.train.read(np.array([4, 0])))
    for image, path in zip(images, ("zebra/1.png", "crème brûlée/0.png"), strict=True):
        with Image.open(folder / "train" / path) as expected:
            assert np.array_equal(image, np.asarray(expected))


def test_one_level_of_folders_is_split_stratified_and_always_the_same(tmp_path):
    for name in CLASSES:
        save_images(tmp_path / name, 10)

    dataset = load_folder(tmp_path, test_fraction=0.3)

    assert np.bincount(dataset.train.labels).tolist() == [7, 7, 7]
    assert np.bincount(dataset.test.labels).tolist() == [3, 3, 3]
    assert not set(dataset.train.paths) & set(dataset.test.paths)
    assert load_folder(tmp_path, 0.3).test.paths == dataset.test.paths


def test_a_train_folder_without_a_test_folder_is_split(tmp_path):
    for name in CLASSES:
        save_images(tmp_path / "train" / name, 5)
    save_images(tmp_path / "more" / "zebra")

    dataset = load_folder(tmp_path)

    assert len(dataset.test.labels) == 3
    assert dataset.class_names == tuple(sorted(CLASSES))
    assert any("more" in remark for remark in dataset.remarks)


def test_unusable_files_are_counted_and_reported(folder, caplog):
    train = folder / "train"
    whole = (train / "zebra" / "0.png").read_bytes()
    (train / "zebra" / "broken.jpg").write_bytes(b"\xff\xd8\xff" + bytes(50))
    (train / "zebra" / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (train / "zebra" / "notes.txt").write_text("no image")
    (train / "zebra" / ".DS_Store").write_bytes(b"")
    (train / "zebra" / "loop").symlink_to(train)
    (train / "again").symlink_to(folder)
    (train / "empty").mkdir()

    with caplog.at_level("WARNING"):
        dataset, _ = load_dataset(DatasetConfig("folder", str(folder)))

    assert len(dataset.train.labels) == 9
    assert dataset.class_names == tuple(sorted(CLASSES))
    said = "\n".join(dataset.remarks)
    assert "unreadable picture, skipped: 2 (" in said
    assert "broken.jpg" in said
    assert "truncated.png" in said
    assert "not a picture in a class folder, skipped: 2 (" in said
    assert "notes.txt" in said
    assert "link to a folder, not followed: 2 (" in said
    assert "'empty' holds no readable picture" in said
    assert all(remark in caplog.text for remark in dataset.remarks)


def test_an_image_with_too_many_pixels_is_skipped(folder):
    Image.new("L", (10_000, 10_000)).save(folder / "train" / "zebra" / "huge.png")

    dataset = load_folder(folder)

    assert len(dataset.train.labels) == 9
    assert "huge.png: has too many pixels" in dataset.remarks[0]


def test_a_class_without_test_images_is_reported(folder):
    for path in (folder / "test" / "zebra").iterdir():
        path.unlink()

    dataset, _ = load_dataset(DatasetConfig("folder", str(folder)))

    assert dataset.remarks == ("class without test images: 'zebra'",)
    assert dataset.class_names.index("zebra") not in dataset.test.labels


def test_a_test_class_without_training_images_is_refused(folder):
    save_images(folder / "test" / "dog")

    message = "no readable picture of 'dog'. Expected training images of every test class"
    with pytest.raises(RunError, match=message):
        load_folder(folder)


def test_a_folder_without_two_classes_is_refused(tmp_path):
    save_images(tmp_path / "only")

    with pytest.raises(RunError, match=r"1 class folders.*Expected at least two"):
        load_folder(tmp_path)


def test_a_missing_folder_is_replaced_by_the_fallback(tmp_path):
    missing = DatasetConfig("folder", str(tmp_path / "gone"), if_unavailable="digits")

    dataset, fallback = load_dataset(missing)

    assert dataset.name == "digits"
    assert "there is no folder" in fallback.reason
    with pytest.raises(DataUnavailableError, match="there is no folder"):
        read_dataset(DatasetConfig("folder", str(tmp_path / "gone")))


def test_too_few_images_to_split_are_refused(tmp_path):
    save_images(tmp_path / "one", 1)
    save_images(tmp_path / "many", 9)

    with pytest.raises(RunError, match=r"0\.2 of 10 images can't be held out .* 1 image of 'one'"):
        load_folder(tmp_path)


def test_the_fingerprint_depends_on_contents_not_names(folder):
    before = load_folder(folder).train.fingerprint
    zebra = folder / "train" / "zebra"

    (zebra / "2.png").rename(zebra / "3.png")
    assert load_folder(folder).train.fingerprint == before
    Image.new("L", (3, 3)).save(zebra / "3.png")
    assert load_folder(folder).train.fingerprint != before


def test_an_image_file_that_vanishes_is_named(folder):
    dataset = load_folder(folder)
    dataset.train.paths[0].unlink()

    with pytest.raises(RunError, match=r"0.png: there is no such file"):
        list(dataset.train.read(np.array([0])))


@pytest.mark.skipif(os.name != "posix", reason="only there can names be no text")
def test_a_class_name_that_is_not_text_is_refused(folder):
    os.mkdir(os.fsencode(folder / "train") + b"/\xff\xfe")

    with pytest.raises(RunError, match=r"\\xff\\xfe.*not UTF-8 text"):
        load_folder(folder)


def test_files_with_room_for_more_bits_are_counted_by_the_bits_of_their_values(tmp_path):
    for name in CLASSES:
        save_images(tmp_path / name, 8)
        for bits in (8, 12):
            values = np.full((4, 4), 2**bits - 1, np.uint16)
            values[0, 0] = 0
            Image.fromarray(values).save(tmp_path / name / f"{bits}.png")

    remarks = "\n".join(load_folder(tmp_path, 0.5).remarks)

    assert "picture in a file of 16 or 32 bits, scaled to 8 bits from 8: 3 (" in remarks
    assert "picture in a file of 16 or 32 bits, scaled to 8 bits from 12: 3 (" in remarks
    assert "brightness of those of different bits can't be compared" in remarks

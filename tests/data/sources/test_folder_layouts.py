"""Folders of images as people have them: which are splits, which are classes, what is refused."""

import io
import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from framework.data import image_files
from framework.data.image_files import find_image_files, read_pixels
from framework.data.sources.image_folder import load_folder
from framework.data.split_names import find_split
from framework.errors import RunError
from framework.utils import optional_dependencies

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))


@cache
def make_picture(number, kind="PNG"):
    """Return a small picture, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


def build(root, layout):
    """Make files from words such as `train/cat:5` (five pictures in a folder), `train/{}.jpg:3`.

    A folder that ends in `:0` is empty; a word without a count is a file that is no picture.
    """
    made = 0
    for word in layout.split():
        name, _, count = word.replace("~", " ").partition(":")
        if not count:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("text")
            continue
        pattern = name if "{}" in name else f"{name}/{{}}.png"
        (root / pattern).parent.mkdir(parents=True, exist_ok=True)
        for number in range(int(count)):
            (root / pattern.format(number)).write_bytes(make_picture(made))
            made += 1


def describe(dataset):
    sizes = [len(dataset.train.labels), len(dataset.validation.labels) if dataset.validation else 0]
    sizes += [len(dataset.test.labels), len(dataset.unlabeled.ids) if dataset.unlabeled else 0]
    return " ".join(dataset.class_names), *sizes


USABLE = {
    # layout: classes, then the sizes of train, validation, test and unlabeled; 0: none of its own
    "cat:5 dog:5": ("cat dog", 8, 0, 2, 0),
    "train/cat:5 train/dog:5": ("cat dog", 8, 0, 2, 0),
    "train/cat:5 train/dog:5 test/cat:2 test/dog:2": ("cat dog", 10, 0, 4, 0),
    "Train/cat:5 Train/dog:5 Test/cat:2 Test/dog:2": ("cat dog", 10, 0, 4, 0),
    "TRAIN/cat:5 TRAIN/dog:5 TEST/cat:2 TEST/dog:2": ("cat dog", 10, 0, 4, 0),
    "training/cat:5 training/dog:5 testing/cat:2 testing/dog:2": ("cat dog", 10, 0, 4, 0),
    "seg_train/cat:5 seg_train/dog:5 seg_test/cat:2 seg_test/dog:2": ("cat dog", 10, 0, 4, 0),
    "seg_train/seg_train/cat:5 seg_train/seg_train/dog:5 seg_test/seg_test/cat:2": (
        *("cat dog", 10, 0, 2, 0),
    ),
    "training_set/cat:5 training_set/dog:5 test_set/cat:2": ("cat dog", 10, 0, 2, 0),
    "TrainImages/cat:5 TrainImages/dog:5 TestImages/cat:2": ("cat dog", 10, 0, 2, 0),
    "trainset/cat:5 trainset/dog:5 testset/cat:2": ("cat dog", 10, 0, 2, 0),
    "train/cat:5 train/dog:5 val/cat:2 val/dog:2": ("cat dog", 8, 4, 2, 0),
    "train/cat:5 train/dog:5 Validation/cat:2": ("cat dog", 8, 2, 2, 0),
    "train/cat:5 train/dog:5 valid/cat:2 test/dog:3": ("cat dog", 10, 2, 3, 0),
    "train/cat:5 train/dog:5 dev/cat:2 test/dog:3": ("cat dog", 10, 2, 3, 0),
    "train/cat.{}.jpg:5 train/dog.{}.jpg:5": ("cat dog", 8, 0, 2, 0),
    "train/cat_{}.jpg:5 train/dog~({}).jpg:5 test/cat_{}.jpg:2": ("cat dog", 10, 0, 2, 0),
    "train/cat.{}.jpg:5 train/dog.{}.jpg:5 test/{}.jpg:3": ("cat dog", 8, 0, 2, 3),
    "train/cat:5 train/dog:5 test/{}.jpg:3": ("cat dog", 8, 0, 2, 3),
    "train/cat:5 train/dog:5 val/cat:2 test/{}.jpg:3": ("cat dog", 8, 2, 2, 3),
    "train/cat.{}.jpg:5 train/dog.{}.jpg:5 test1/{}.jpg:3": ("cat dog", 8, 0, 2, 3),
    "seg_train/cat:5 seg_train/dog:5 seg_test/cat:2 val/dog:3": ("cat dog", 10, 3, 2, 0),
    "train/cat:5 train/dog:5 test1/cat:2 test2/cat:2": ("cat dog", 8, 0, 2, 0),
    "train/cat:5 train/dog:5 test:0": ("cat dog", 8, 0, 2, 0),
    "train/cat:5 train/dog:5 test/cat:0 test/dog:0 test/notes.txt": ("cat dog", 8, 0, 2, 0),
    "train/cat:5 train/dog:5 val:0 test/cat:3": ("cat dog", 10, 0, 3, 0),
    "train/cat:5 train/dog:5 val/cat:2 test/.cache:2": ("cat dog", 8, 2, 2, 0),
    "cat{}.png:5 dog{}.png:5": ("cat dog", 8, 0, 2, 0),
    "cat/black:5 cat/white/old:5 dog:5": ("cat dog", 12, 0, 3, 0),
    "cat:5 dog:5 cat/.ipynb_checkpoints:2 dog/@eaDir:2 __MACOSX/cat:3 .git:2": (
        *("cat dog", 8, 0, 2, 0),
    ),
    "cat:5 dog:5 notes.txt cat/list.csv": ("cat dog", 8, 0, 2, 0),
    "train/cat:5 train/dog:5 models:0 notes.txt": ("cat dog", 8, 0, 2, 0),
    "steam_train_{}.jpg:5 toy_{}.jpg:5": ("steam_train toy", 8, 0, 2, 0),
    "0:5 1:5 2:5 10:5": ("0 1 2 10", 16, 0, 4, 0),
    "n9:5 n10:5 m:5": ("m n9 n10", 12, 0, 3, 0),
    "Käse:5 犬:5 ネコ:5": ("Käse ネコ 犬", 12, 0, 3, 0),
    "cat/{}.jfif:5 dog/{}.PPM:5": ("cat dog", 8, 0, 2, 0),
    "cat:5 dog:5 fish:0": ("cat dog", 8, 0, 2, 0),
    "fold1/cat:5 fold2/cat:5": ("fold1 fold2", 8, 0, 2, 0),
    "steam_train:5 toy:5 car:5": ("car steam_train toy", 12, 0, 3, 0),
    "train/car:5 train/train:5": ("car train", 8, 0, 2, 0),
    " ".join(f"class{number}:2" for number in range(300)): (
        *(" ".join(f"class{number}" for number in range(300)), 300, 0, 300, 0),
    ),
}


@pytest.mark.parametrize(("layout", "expected"), USABLE.items(), ids=[key[:60] for key in USABLE])
def test_usable_layouts(tmp_path, layout, expected):
    build(tmp_path, layout)
    fraction = 0.5 if "class299" in layout else None
    assert describe(load_folder(tmp_path, fraction)) == expected


REFUSED = {
    "test/cat:5 val/cat:5": "'test', 'val' can't be used as splits.*train is required",
    "seg_val/cat:5 seg_test/cat:5": "'seg_test', 'seg_val' can't be used as splits",
    "Test:5 cat:5": "'Test', 'cat' can't be used as splits, nor be told from classes.*/train",
    "train:5 test:5 cat:5": "'train', 'test', 'cat' are splits and classes side by side",
    "train/train:5 train/test:5": "'test', 'train' are splits in a split",
    "car:5 train:5 plane:5": "'train', 'car', 'plane' are splits and classes side by side",
    "car:5 plane:5 train/a.{}.png:5 train/b.{}.png:5": "are splits and classes side by side",
    "car:5 plane:5 test/car:5 test/plane:5": "'car', 'plane', 'test' can't be used as splits",
    "train/cat:5 Train/dog:5 test/cat:2": "'Train', 'train' are the same split",
    "train/cat:5 train/dog:5 test/cat/broken.png": "test holds no readable picture. Remove",
    "train/cat:5 train/dog:5 val/{}.jpg:3": "val holds no class folders",
    "train/cat:5 train/dog:5 val/cow:3": "no readable picture of 'cow'.*of every val class",
    "train/cat:5 train/dog:5 test/cow:3": "no readable picture of 'cow'.*of every test class",
    "train/Cat:5 train/Dog:5 test/cat:3": "no readable picture of 'cat'.*of every test class",
    "train/{}.jpg:9 test/{}.jpg:3": "train holds 0 class folders.*9 pictures in no class folder",
    "train_{}.jpg:9 test_{}.jpg:3": "holds 0 class folders.*12 pictures in no class folder",
    "img_train_{}.jpg:9 img_test_{}.jpg:3": "holds 0 class folders",
    "IMG_{}.jpg:9": "holds 0 class folders.*9 pictures in no class folder",
    "cat:5": "holds 1 class folders",
    "data/train/cat:5 data/train/dog:5": "If 'data' holds the class folders, give its path",
    "notes.txt": "holds 0 class folders",
}


@pytest.mark.parametrize(("layout", "message"), REFUSED.items(), ids=REFUSED)
def test_refused_layouts(tmp_path, layout, message):
    build(tmp_path, layout)
    with pytest.raises(RunError, match=message):
        load_folder(tmp_path)


def test_what_is_assumed_or_left_out_is_said(tmp_path):
    build(tmp_path, "cat.{}.png:5 dog.{}.png:5 .git:1 cat.9.heic")
    pages = [Image.open(io.BytesIO(make_picture(number))) for number in (90, 91)]
    pages[0].save(tmp_path / "dog.5.tif", save_all=True, append_images=pages[1:])

    said = "\n".join(load_folder(tmp_path).remarks)

    assert "the class of an image is the beginning of its name, such as 'cat' of cat.0.png" in said
    assert "picture of several pages, only the first is used: 1 (" in said
    assert "skipped: 1 (" in said
    assert ".git" in said
    assert "cat.9.heic" in said


def test_heic_files_that_cannot_be_read_are_counted_with_how_to_read_them(tmp_path, monkeypatch):
    formats = tuple(name for name in image_files.FORMATS if name != "HEIF")
    monkeypatch.setattr(image_files, "FORMATS", formats)
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda name: None)
    build(tmp_path, "cat:5 dog:5 cat/a.heic dog/b.HEIF")
    (remark,) = load_folder(tmp_path).remarks
    hint = "a HEIC file needs pillow-heif. Install with: pip install"
    assert remark.startswith(
        f"unreadable picture, skipped: 2 ({tmp_path / 'cat' / 'a.heic'}: {hint}"
    )

    (tmp_path / "phone").mkdir()
    build(tmp_path / "phone", "cat/1.heic cat/2.heic dog/3.heic dog/4.heic")
    with pytest.raises(RunError, match=f"0 class folders.* 4 pictures can't be read: .*{hint}"):
        load_folder(tmp_path / "phone")


def test_heic_files_are_read(tmp_path):
    import pillow_heif

    build(tmp_path, "cat:5 dog:5")
    picture = Image.new("RGB", (64, 64), "red")
    pillow_heif.from_pillow(picture).save(tmp_path / "dog" / "a.heic")

    dataset = load_folder(tmp_path, 0.5)

    assert len(dataset.train.labels) + len(dataset.test.labels) == 11
    red, green, blue = read_pixels(tmp_path / "dog" / "a.heic")[32, 32]
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_empty_split_is_told(tmp_path, split):
    build(tmp_path, f"train/cat:5 train/dog:5 {split}:0")
    (remark,) = load_folder(tmp_path).remarks
    assert remark == f"{tmp_path / split} holds no picture: left out"


def test_links_to_files_class_folders_and_splits_are_followed(tmp_path):
    build(tmp_path, "elsewhere/training/cat:5 elsewhere/training/dog:5 old:3 old/{}.jpg:1")
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "train").symlink_to(tmp_path / "elsewhere" / "training")
    (root / "test" / "dog").mkdir(parents=True)
    (root / "test" / "cat").symlink_to(tmp_path / "old")
    (root / "test" / "dog" / "1.jpg").symlink_to(tmp_path / "old" / "0.jpg")
    (root / "val").symlink_to(tmp_path / "nowhere")

    dataset = load_folder(root)

    assert describe(dataset) == ("cat dog", 10, 0, 5, 0)
    assert dataset.test.names[-1] == "test/dog/1.jpg"


def test_unlabeled_images_are_called_by_their_files(tmp_path):
    build(tmp_path, "train/cat:5 train/dog:5 test/{}.jpg:3")
    unlabeled = load_folder(tmp_path).unlabeled
    assert unlabeled.ids == ("0.jpg", "1.jpg", "2.jpg")
    assert unlabeled.columns == ("image", "label")


def test_hidden_files_are_not_predicted(tmp_path):
    build(
        tmp_path, "a.png:1 ._a.png:1 @eaDir:2 .cache:2 b/__MACOSX:1 b:1".replace(".png", "{}.png")
    )
    found = [path.relative_to(tmp_path).as_posix() for path in find_image_files(tmp_path)]
    assert found == ["a0.png", "b/0.png"]


FOLDERS = [
    *("train", "Test", "val", "seg_train", "seg_test", "testing", "dev", "cat", "dog", "fish"),
    *(".hidden", "@eaDir", "x_val", "10", "9", "trainset"),
]
FILES = [
    "train0.png",
    "train1.png",
    "cat.0.png",
    "cat.1.png",
    "dog_0.png",
    "dog_1.png",
    "7.png",
    "a.txt",
    "._a.png",
    "x.heic",
]


# What the folders in a data set's folder hold, as people have them: folders, and files in each.
CONTENTS = [("",), ("cat", "dog"), ("cat",), ("train", "cat"), ("seg_train/cat", "seg_train/dog")]
NAMES = [[f"{n}.png" for n in range(5)], [f"{c}.{n}.png" for c in ("cat", "dog") for n in range(5)]]


@st.composite
def usual_layouts(draw):
    """Draw relative paths of files: a few folders, most with enough images."""
    paths = []
    for folder in draw(st.lists(st.sampled_from(FOLDERS), min_size=1, max_size=4, unique=True)):
        names = draw(st.sampled_from(NAMES))
        inner = draw(st.sampled_from(CONTENTS))
        paths += [Path(folder, each, name) for each in inner for name in names]
    return paths


@st.composite
def wild_layouts(draw):
    """Draw relative paths of files, at most three folders deep."""
    depths = st.lists(st.sampled_from(FOLDERS), max_size=3)
    folders = draw(st.lists(depths, min_size=1, max_size=6))
    files = [draw(st.lists(st.sampled_from(FILES), max_size=6, unique=True)) for _ in folders]
    return [
        Path(*folder, name)
        for folder, names in zip(folders, files, strict=True)
        for name in names or ["0.png", "1.png", "2.png"]
    ]


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(usual_layouts() | wild_layouts())
def test_any_layout_is_loaded_or_refused(layout):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, path in enumerate(layout):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(make_picture(number % 50))
        try:
            dataset = load_folder(root)
        except RunError as error:
            assert str(root) in str(error)
            assert len(str(error)) < 1000
            return
        assert len(dataset.class_names) > 1
        assert not all(map(find_split, dataset.class_names))
        said = any("read as a class: 1 (" in remark for remark in dataset.remarks)
        assert sum(map(bool, map(find_split, dataset.class_names))) < 2 or not said
        for name, label in zip(dataset.train.names, dataset.train.labels, strict=True):
            if find_split(dataset.class_names[label]) and not said:  # A class within a split.
                assert find_split(name.split("/")[0]) or find_split(name.split("/")[1])
                assert name.count("/") >= 2
        for source in filter(None, (dataset.train, dataset.validation, dataset.test)):
            assert len(source.labels)
            assert not any(".hidden" in name or "@eaDir" in name for name in source.names)

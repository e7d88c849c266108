"""Tables as people have them: each gives its classes and splits, or one message."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from framework.config.model import DatasetConfig
from framework.data.dataset import DataUnavailableError
from framework.data.registry import load_dataset
from framework.data.split_names import find_split
from framework.errors import RunError

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))

HEADER = [f"pixel{n}" for n in range(9)]


def load(path, **keys):
    return load_dataset(DatasetConfig("csv", str(path), **keys))[0]


def draw_pixels(count, seed=0):
    """Return images of nine gray values, each of them another one."""
    pixels = np.random.default_rng(seed).integers(2, 250, (count, 9))
    pixels[:, 4] = np.arange(count) % 250
    return pixels


def write(path, header, rows, delimiter=","):
    lines = [delimiter.join(map(str, row)) for row in [*([header] if header else []), *rows]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def write_pixels(folder, header, make_row, test=None, test_row=None):
    """Write `train.csv` of 20 images, cats and dogs in turn, and `test.csv` of 6."""
    count = 20
    images = draw_pixels(count).tolist()
    names = ["cat", "dog"] * count
    write(folder / "train.csv", header, [make_row(n, names[n], images[n]) for n in range(count)])
    test_images = draw_pixels(6, seed=1).tolist()
    test_row = test_row or (lambda n, name, pixels: pixels)
    rows = [test_row(n, names[n], test_images[n]) for n in range(6)]
    write(folder / "test.csv", HEADER if test is None else test, rows)
    return folder


PIXEL_TABLES = {
    "label first": (["label", *HEADER], lambda n, name, pixels: [name, *pixels]),
    "Label last": ([*HEADER, "Label"], lambda n, name, pixels: [*pixels, name]),
    "class in the middle": (
        [*HEADER[:5], "class", *HEADER[5:]],
        lambda n, name, pixels: [*pixels[:5], name, *pixels[5:]],
    ),
    "TARGET": (["TARGET", *HEADER], lambda n, name, pixels: [name, *pixels]),
    "blanks": ([" label", *HEADER], lambda n, name, pixels: [" " * (n % 3) + name, *pixels]),
    "an id": (["Id", "label", *HEADER], lambda n, name, pixels: [f"x{n}", name, *pixels]),
    "an index of pandas": (["", "label", *HEADER], lambda n, name, pixels: [n, name, *pixels]),
    "a file name that is an id": (
        ["filename", "label", *HEADER],
        lambda n, name, pixels: [f"{n}.png", name, *pixels],
    ),
    "floats": (["label", *HEADER], lambda n, name, pixels: [name, *map(float, pixels)]),
    "other columns": (
        ["label", "camera", *HEADER],
        lambda n, name, pixels: [name, "Canon", *pixels],
    ),
    "no header": ([], lambda n, name, pixels: [name, *pixels]),
    "no header, label last": ([], lambda n, name, pixels: [*pixels, name]),
    "a header of numbers": (list(range(10)), lambda n, name, pixels: [n % 2, *pixels]),
    "no header, numbers": ([], lambda n, name, pixels: [n % 2, *pixels]),
    "whole numbers as floats": (["label", *HEADER], lambda n, name, pixels: [n % 2 + 0.0, *pixels]),
}


@pytest.mark.parametrize("case", PIXEL_TABLES)
def test_a_table_of_pixels_gives_its_classes_and_images(tmp_path, case):
    header, make_row = PIXEL_TABLES[case]
    dataset = load(write_pixels(tmp_path, header, make_row))

    assert dataset.class_names in (("cat", "dog"), ("0", "1"))
    assert len(dataset.train.labels) == 16
    assert len(dataset.test.labels) == 4
    expected = {tuple(row): n % 2 for n, row in enumerate(draw_pixels(20).tolist())}
    for source in (dataset.train, dataset.test):
        for image, label in zip(source.images, source.labels, strict=True):
            assert expected[tuple(image.ravel().tolist())] == label
    assert np.array_equal(dataset.unlabeled.source.images.reshape(6, 9), draw_pixels(6, seed=1))


def test_a_named_column_holds_the_labels(tmp_path):
    header = ["digit", *HEADER]
    write_pixels(tmp_path, header, lambda n, name, pixels: [name, *pixels])

    assert load(tmp_path, label_column="Digit").class_names == ("cat", "dog")


def test_a_table_without_header_says_which_column_is_read_as_the_label(tmp_path):
    write_pixels(tmp_path, [], lambda n, name, pixels: [n % 2, *pixels])

    assert "no header: column 0" in "\n".join(load(tmp_path).remarks)

    write_pixels(tmp_path, [], lambda n, name, pixels: [*pixels, n % 2])
    assert load(tmp_path, label_column="9").class_names == ("0", "1")


def test_an_id_column_names_the_rows_of_the_submission(tmp_path):
    write_pixels(
        tmp_path,
        ["label", *HEADER],
        lambda n, name, pixels: [name, *pixels],
        ["image_id", *HEADER],
        lambda n, name, pixels: [f"x{n}", *pixels],
    )
    unlabeled = load(tmp_path).unlabeled

    assert unlabeled.columns == ("image_id", "label")
    assert unlabeled.ids == ("x0", "x1", "x2", "x3", "x4", "x5")


@pytest.mark.parametrize("header", [HEADER, list(range(9))])
def test_columns_of_pixels_in_another_order_are_matched_by_name(tmp_path, header):
    write_pixels(
        tmp_path,
        ["label", *header],
        lambda n, name, pixels: [name, *pixels],
        header[::-1],
        lambda n, name, pixels: pixels[::-1],
    )

    images = load(tmp_path).unlabeled.source.images
    assert np.array_equal(images.reshape(6, 9), draw_pixels(6, seed=1))


def test_numbers_in_0_to_1_are_scaled_and_said(tmp_path):
    def make_row(n, name, pixels):
        return [name, *(pixel / 255 for pixel in pixels)]

    def scale(n, name, pixels):
        return [pixel / 255 for pixel in pixels]

    dataset = load(write_pixels(tmp_path, ["label", *HEADER], make_row, test_row=scale))

    assert np.array_equal(dataset.unlabeled.source.images.reshape(6, 9), draw_pixels(6, seed=1))
    assert "multiplied by 255" in "\n".join(dataset.remarks)

    write_pixels(tmp_path, ["label", *HEADER], make_row)
    with pytest.raises(RunError, match=r"train.csv holds pixels from 0 to 1, .*test.csv larger"):
        load(tmp_path)


def test_images_of_0_and_1_become_black_and_white(tmp_path):
    def make_row(n, name, pixels):
        return [name, *(pixel % 2 for pixel in pixels)]

    def binary(n, name, pixels):
        return [pixel % 2 for pixel in pixels]

    dataset = load(write_pixels(tmp_path, ["label", *HEADER], make_row, test_row=binary))

    assert set(np.unique(dataset.train.images)) == {0, 255}
    assert "multiplied by 255" in "\n".join(dataset.remarks)


def plain(n, name, pixels):
    return [name, *pixels]


REFUSED_PIXELS = {
    "an empty label": (
        ["label", *HEADER],
        lambda n, name, pixels: ["" if n == 3 else name, *pixels],
        HEADER,
        r"train.csv, line 5: the label is empty",
    ),
    "a text": (
        ["label", *HEADER],
        lambda n, name, pixels: [name, "x" if n == 1 else 1, *pixels[1:]],
        HEADER,
        r"line 3, column 'pixel0': 'x'. Expected a number from 0 to 255",
    ),
    "no number": (
        ["label", *HEADER],
        lambda n, name, pixels: [name, *pixels[:8], "" if n == 1 else 1],
        HEADER,
        r"line 3, column 'pixel8': ''. Expected a number",
    ),
    "infinity": (
        ["label", *HEADER],
        lambda n, name, pixels: [name, *pixels[:8], "inf"],
        HEADER,
        r"line 2, column 'pixel8': 'inf'. Expected a number",
    ),
    "a short row": (
        ["label", *HEADER],
        lambda n, name, pixels: [name, *pixels[n == 4 :]],
        HEADER,
        r"line 6 has 9 cells. Expected 10",
    ),
    "two labels": (
        ["label", "Class", *HEADER],
        lambda n, name, pixels: [name, name, *pixels],
        HEADER,
        r"several columns for one purpose: 'label', 'Class'. Name one in .*label_column",
    ),
    "no label": (
        ["kind", *HEADER],
        plain,
        HEADER,
        r"has no column 'label', 'class' or 'target'. Found: 'kind', .*label_column",
    ),
    "pixels called otherwise": (
        ["label", *HEADER],
        plain,
        [f"pixel{n}" for n in range(1, 10)],
        r"test.csv names its columns of pixels in another way.* lacks 'pixel0'",
    ),
    "splits as labels": (
        ["label", *HEADER],
        lambda n, name, pixels: [("train", "Test")[n % 2], *pixels],
        HEADER,
        r"the labels are splits, 'Test', 'train'",
    ),
    "one class": (
        ["label", *HEADER],
        lambda n, name, pixels: ["cat", *pixels],
        HEADER,
        r"all training images are of one class, 'cat'",
    ),
}


@pytest.mark.parametrize("case", REFUSED_PIXELS)
def test_a_table_of_pixels_that_cannot_be_used_has_its_message(tmp_path, case):
    header, make_row, test, message = REFUSED_PIXELS[case]
    write_pixels(tmp_path, header, make_row, test=test)

    with pytest.raises(RunError, match=message):
        load(tmp_path)


def test_a_label_in_test_that_is_not_in_train_is_refused_with_its_row(tmp_path):
    def unknown(n, name, pixels):
        return ["cow" if n == 2 else name, *pixels]

    header = ["label", *HEADER]
    write_pixels(tmp_path, header, plain, test=header, test_row=unknown)
    with pytest.raises(RunError, match=r"test.csv, line 4: the label 'cow' is that of no training"):
        load(tmp_path)


def save_images(folder, count=20, start=0):
    """Save images, each of another content, and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(start, start + count):
        pixels = np.random.default_rng(n).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return [f"{folder.name}/{n}.png" for n in range(start, start + count)]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder with 30 images in `images/`."""
    folder = tmp_path_factory.mktemp("files")
    save_images(folder / "images", 30)
    return folder


def rows(make, count=20):
    return [make(n, f"images/{n}.png", ("cat", "dog")[n % 2]) for n in range(count)]


def split_of(names):
    """Return a row with a split: 20 images to train on, 4 to validate and 6 to test on."""
    train, val, test = names

    def make(n, file, label):
        return [file, label, train if n < 20 else val if n < 24 else test]

    return make


# Header, rows, keys of the config, and the sizes of training, validation and test.
FILE_TABLES = {
    "image,label": (["image", "label"], rows(lambda n, f, c: [f, c]), {}, (16, None, 4)),
    "Label,Path": (["Label", "Path"], rows(lambda n, f, c: [c, f]), {}, (16, None, 4)),
    "file_name,class": (["file_name", "class"], rows(lambda n, f, c: [f, c]), {}, (16, None, 4)),
    "IMAGE_PATH,target,more": (
        ["IMAGE_PATH", "width", "target"],
        rows(lambda n, f, c: [f, 6, c]),
        {},
        (16, None, 4),
    ),
    "named in the config": (
        ["image", "photo", "label", "kind"],
        rows(lambda n, f, c: ["", f, "", c]),
        {"path_column": "photo", "label_column": "kind"},
        (16, None, 4),
    ),
    "found by its files": (["photo", "label"], rows(lambda n, f, c: [f, c]), {}, (16, None, 4)),
    "no header": ([], rows(lambda n, f, c: [f, c]), {}, (16, None, 4)),
    "blanks": (["image ", " label"], rows(lambda n, f, c: [f + " ", " " + c]), {}, (16, None, 4)),
    "quoted": (["image", "label"], rows(lambda n, f, c: [f'"{f}"', f'"{c}"']), {}, (16, None, 4)),
    "backslashes": (
        ["image", "label"],
        rows(lambda n, f, c: [f.replace("/", "\\"), c]),
        {},
        (16, None, 4),
    ),
    "a share to test on": (
        ["image", "label"],
        rows(lambda n, f, c: [f, c]),
        {"test_fraction": 0.5},
        (10, None, 10),
    ),
    "split": (
        ["image", "label", "split"],
        rows(split_of(("train", "val", "test")), 30),
        {},
        (20, 4, 6),
    ),
    "Split": (
        ["image", "label", "Split"],
        rows(split_of(("Training", "VALIDATION", "Testing")), 30),
        {},
        (20, 4, 6),
    ),
    "no test rows": (
        ["image", "label", "split"],
        rows(split_of(("train", "dev", "valid")), 30),
        {},
        (16, 10, 4),
    ),
}


# What only text has.
NOT_IN_PARQUET = ("no header", "quoted")


@pytest.mark.parametrize(
    ("case", "ending"),
    [
        (case, ending)
        for case in FILE_TABLES
        for ending in ("csv", "tsv", "parquet")
        if not (ending == "parquet" and case in NOT_IN_PARQUET)
    ],
)
def test_a_table_of_files_gives_its_classes_and_splits(images, case, ending):
    header, table, keys, sizes = FILE_TABLES[case]
    path = images / f"labels.{ending}"
    if ending == "parquet":
        write_parquet(path, header, table)
    else:
        write(path, header, table, "," if ending == "csv" else "\t")
    dataset = load(path, **keys)

    assert dataset.class_names == ("cat", "dog")
    sources = (dataset.train, dataset.validation, dataset.test)
    assert tuple(source and len(source.labels) for source in sources) == sizes
    for source in sources:
        if source is not None:
            numbers = [int(file.stem) for file in source.paths]
            assert np.array_equal(np.array(numbers) % 2, source.labels)
    assert dataset.unlabeled is None
    assert dataset.remarks == ()


def write_parquet(path, header, table):
    import pyarrow
    from pyarrow import parquet

    columns = {
        name: list(values) for name, values in zip(header, zip(*table, strict=True), strict=True)
    }
    parquet.write_table(pyarrow.table(columns), path)


def test_a_parquet_file_without_pyarrow_says_how_to_install_it(tmp_path, monkeypatch):
    import framework.utils.optional_dependencies as optional

    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"needs pyarrow. Install with: .*\[tables\]"):
        load(tmp_path / "a.parquet")


def test_test_rows_without_labels_give_a_submission(images):
    table = rows(lambda n, f, c: [f, c if n < 20 else "", "train" if n < 20 else "test"], 30)
    dataset = load(write(images / "a.csv", ["image", "class", "split"], table))

    assert (len(dataset.train.labels), len(dataset.test.labels)) == (16, 4)
    assert dataset.unlabeled.ids == tuple(f"images/{n}.png" for n in range(20, 30))
    assert dataset.unlabeled.columns == ("image", "class")
    assert dataset.unlabeled.source.paths[0] == images / "images" / "20.png"
    assert dataset.unlabeled.source.names == dataset.unlabeled.ids
    assert set(dataset.test.names) < {f"images/{n}.png" for n in range(20)}


def test_numbers_in_the_names_of_classes_are_sorted_by_their_value(images):
    table = rows(lambda n, f, c: [f, f"class{9 + n % 2}"], 20)
    dataset = load(write(images / "a.csv", ["image", "class"], table))
    assert dataset.class_names == ("class9", "class10")


def test_a_folder_may_hold_a_table_for_each_split(tmp_path):
    files = save_images(tmp_path / "a", 30)
    labels = ["cat", "dog"] * 15
    write(tmp_path / "train.csv", ["image", "label"], zip(files[:20], labels[:20], strict=True))
    write(
        tmp_path / "valid.tsv", ["image", "label"], zip(files[20:24], labels[:4], strict=True), "\t"
    )
    write(tmp_path / "test.csv", ["image"], ([file] for file in files[24:]))

    dataset = load(tmp_path)

    assert (len(dataset.train.labels), len(dataset.validation.labels)) == (16, 4)
    assert dataset.unlabeled.ids == tuple(files[24:])
    assert dataset.unlabeled.columns == ("image", "label")


def test_files_that_are_missing_or_damaged_are_skipped_and_counted(tmp_path):
    files = save_images(tmp_path / "a", 20)
    (tmp_path / files[3]).unlink()
    (tmp_path / files[4]).write_text("no image")
    table = [[file, ("cat", "dog")[n % 2]] for n, file in enumerate(files)]
    dataset = load(write(tmp_path / "t.csv", ["image", "label"], [*table, ["", "cow"]]))

    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.train.labels) + len(dataset.test.labels) == 18
    remark, other = dataset.remarks
    assert other == "the class 'cow' has no readable picture: left out"
    assert remark.startswith("unreadable picture, skipped: 3")
    assert "line 5: there is no file 'a/3.png'" in remark


REFUSED_FILES = {
    "no file": (
        ["image", "label"],
        rows(lambda n, f, c: [f + "x", c]),
        r"there is no file 'images/0.pngx'. None of the 20 train files can be read. Expected paths",
    ),
    "no file of a split": (
        ["image", "label", "split"],
        rows(lambda n, f, c: [f if n < 15 else "x.png", c, "train" if n < 15 else "val"]),
        r"line 17: there is no file 'x.png'. None of the 5 val files can be read",
    ),
    "an empty label": (
        ["image", "label"],
        rows(lambda n, f, c: [f, c if n else ""]),
        r"line 2: the label is empty",
    ),
    "some labels of test rows": (
        ["image", "label", "split"],
        rows(lambda n, f, c: [f, c if n != 15 else "", "train" if n < 14 else "test"]),
        r"line 17: the label is empty",
    ),
    "two paths": (
        ["image", "path", "label"],
        rows(lambda n, f, c: [f, f, c]),
        r"several columns for one purpose: 'image', 'path'. Name one in .*path_column",
    ),
    "an unknown split": (
        ["image", "label", "split"],
        rows(lambda n, f, c: [f, c, "train" if n else "fold1"]),
        r"line 2: 'fold1' in the column 'split' is no split. Expected train, val or test",
    ),
    "nothing to train on": (
        ["image", "label", "split"],
        rows(lambda n, f, c: [f, c, "test"]),
        r"has no rows to train on",
    ),
    "two labels of a file": (
        ["image", "label"],
        [*rows(lambda n, f, c: [f, c]), ["images/./0.png", "dog"]],
        r"line 22: .*0.png has the label 'dog', but 'cat' in .*line 2",
    ),
    "a class in test only": (
        ["image", "label", "split"],
        rows(lambda n, f, c: [f, c if n else "cow", "train" if n else "test"]),
        r"line 2: the label 'cow' is that of no training image",
    ),
    "no label": (
        ["image", "kind"],
        rows(lambda n, f, c: [f, c]),
        r"has no column 'label', 'class' or 'target'. Found: 'image', 'kind'",
    ),
    "no header, several columns": (
        [],
        rows(lambda n, f, c: [f, c, n]),
        r"has no column 'label', 'class' or 'target'. Found: '0', '1', '2'",
    ),
    "no path": (
        ["photo", "label"],
        rows(lambda n, f, c: [n, c]),
        r"has 1 columns of pixels.*path_column can name",
    ),
    "no row": (["image", "label"], [], r"holds no image: there is no row"),
    "splits as labels": (
        ["image", "label"],
        rows(lambda n, f, c: [f, ("train", "val")[n % 2]]),
        r"the labels are splits, 'train', 'val'",
    ),
    "one class": (
        ["image", "label"],
        rows(lambda n, f, c: [f, "cat"]),
        r"all training images are of one class",
    ),
}


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_a_table_of_files_that_cannot_be_used_has_its_message(images, case):
    header, table, message = REFUSED_FILES[case]

    with pytest.raises(RunError, match=message):
        load(write(images / "refused.csv", header, table))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,label\nö.png,a\n".encode("latin-1"), "not UTF-8 text"),
        ("image,label\na.png,b\n".encode("utf-16"), "not UTF-8 text"),
        (b"image,label\n" + b"a" * 200_000 + b",b\n", "can't be read as a table"),
        (b"\x00\n", "can't be read|columns of pixels|no column"),
        (b"", "has 0 columns"),
    ],
)
def test_a_damaged_table_has_its_message(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)

    with pytest.raises(RunError, match=message):
        load(tmp_path / "t.csv")


def test_a_damaged_parquet_file_has_its_message(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no table")

    with pytest.raises(RunError, match=r"can't be read as a Parquet file"):
        load(tmp_path / "t.parquet")


def test_a_column_that_seems_to_hold_splits_is_told(images):
    table = rows(lambda n, f, c: [f, c, "train" if n < 15 else "test"])
    dataset = load(write(images / "usage.csv", ["image", "label", "usage"], table))

    assert "the column 'usage' seems to hold splits, but is not read" in dataset.remarks[0]


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataUnavailableError, match=r"there is no file .*none.csv\.$"):
        load(tmp_path / "none.csv")


def test_a_folder_without_train_says_which_tables_it_found(tmp_path):
    write(tmp_path / "labels.csv", ["image", "label"], [])
    with pytest.raises(DataUnavailableError, match=r"no file .*train.csv. Found labels.csv: give"):
        load(tmp_path)

    write(tmp_path / "train.csv", ["image", "label"], [])
    write(tmp_path / "Train.tsv", ["image", "label"], [])
    with pytest.raises(RunError, match=r"holds Train.tsv and train.csv. Expected one table"):
        load(tmp_path)


NAMES = ["label", "Class", "target", "image", "path", "split", "id", "", "photo", *HEADER[:4]]
CELLS = ["cat", " cat", "dog", "", "0", "1", "0.5", "255", "300", "nan", "train", "Val", "test"]


@st.composite
def tables(draw):
    """Draw the cells of a table of files or of pixels, mostly sound."""
    files = draw(st.booleans())
    header = draw(
        st.sampled_from([["image", "label"], ["image", "label", "split"]])
        if files
        else st.sampled_from([["label", *HEADER[:4]], [*HEADER[:4], "class"], ["id", *HEADER[:4]]])
    )
    if draw(st.integers(0, 3)) == 0:
        header = draw(st.lists(st.sampled_from(NAMES), max_size=7))
    usual = {
        "image": st.sampled_from([f"images/{n}.png" for n in range(30)]),
        "label": st.sampled_from(["cat", "dog", "train", "test"]),
        "class": st.sampled_from(["0", "1", "0.0"]),
        "split": st.sampled_from(["train", "VAL", "test"]),
    }
    pixel = st.sampled_from(["0", "1", "7", "255", "0.5"])
    row = st.tuples(*(usual.get(name, pixel) for name in header)).map(list)
    cells = draw(st.lists(row, max_size=25))
    for _ in range(draw(st.integers(0, 2))):
        if cells and header:
            line = draw(st.integers(0, len(cells) - 1))
            place = draw(st.integers(0, len(header) - 1))
            cells[line][place] = draw(st.sampled_from(CELLS) | st.text(max_size=8))
    return [header, *cells][draw(st.integers(0, 9)) == 0 :]


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(
    tables(),
    st.none() | tables(),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([None, "label", "0"]),
)
def test_any_table_is_loaded_or_refused(images, train, test, delimiter, label_column):
    for name, table in (("train.csv", train), ("test.csv", test)):
        text = "\n".join(delimiter.join(row) for row in table or ())
        (images / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    path = images / "train.csv" if test is None else images
    try:
        dataset = load(path, label_column=label_column)
    except RunError as error:
        assert str(images) in str(error)
        assert len(str(error)) < 1000
        return
    assert all(dataset.class_names)
    assert not all(map(find_split, dataset.class_names))
    for source in filter(None, (dataset.train, dataset.validation, dataset.test)):
        assert len(source.labels)
        assert set(source.labels) <= set(range(len(dataset.class_names)))

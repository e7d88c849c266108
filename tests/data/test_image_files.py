"""Reading image files: modes, formats, and what is refused."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from framework.data.image_files import PIXEL_LIMIT, find_image_files, read_image
from framework.errors import RunError

RAMP = np.linspace(0, 255, 12 * 8).astype(np.uint8).reshape(12, 8)


@pytest.fixture
def rgb():
    return Image.fromarray(np.stack([RAMP, RAMP[::-1], RAMP // 2], axis=-1))


def save(image, path, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "ppm"])
def test_lossless_formats_keep_every_pixel(tmp_path, rgb, ending):
    path = save(rgb, tmp_path / f"a.{ending}", **({"lossless": True} if ending == "webp" else {}))
    loaded = read_image(path)
    assert loaded.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(loaded), np.asarray(rgb))


def test_jpeg_keeps_the_image_approximately(tmp_path, rgb):
    loaded = read_image(save(rgb, tmp_path / "a.jpg", quality=95))
    assert np.abs(np.asarray(loaded, int) - np.asarray(rgb, int)).mean() < 12


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "P", "LA"])
def test_gray_values_are_the_same_in_every_mode(tmp_path, mode):
    values = np.where(RAMP > 127, 255, 0).astype(np.uint8)
    image = Image.fromarray(values)
    if mode == "I;16":
        image = Image.fromarray(values.astype(np.uint16) * 257)
    elif mode != "L":
        image = image.convert(mode)
    loaded = read_image(save(image, tmp_path / "a.png"))
    np.testing.assert_array_equal(np.asarray(loaded.convert("L")), values)


def test_16_bits_are_rounded_to_8(tmp_path):
    image = Image.fromarray(np.array([[0, 128, 129, 32896, 65535]], np.uint16))
    loaded = read_image(save(image, tmp_path / "a.png"))
    assert np.asarray(loaded).tolist() == [[0, 0, 1, 128, 255]]


@pytest.mark.parametrize("ending", ["png", "tiff"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_values_of_fewer_bits_than_their_file_use_the_whole_range(tmp_path, bits, dtype, ending):
    if dtype == np.int32 and ending == "png":
        ending = "tif"
    values = np.linspace(0, 2**bits - 1, 96).astype(dtype).reshape(12, 8)
    path = save(Image.fromarray(values), tmp_path / f"a.{ending}")

    loaded = np.asarray(read_image(path))

    np.testing.assert_allclose(loaded, values * (255 / (2**bits - 1)), atol=0.5001)


def test_the_range_of_a_portable_graymap_is_that_of_its_header(tmp_path):
    values = np.linspace(0, 900, 12).astype(">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 4 3 4095\n" + values.tobytes())

    loaded = np.asarray(read_image(tmp_path / "a.pgm")).ravel()

    np.testing.assert_allclose(loaded, values * (255 / 4095), atol=0.51)


@pytest.mark.parametrize("largest", [1.0, 255.0])
def test_floating_point_values_in_0_to_1_or_0_to_255_are_read(tmp_path, largest):
    values = (RAMP / np.float32(255) * np.float32(largest)).astype(np.float32)
    loaded = read_image(save(Image.fromarray(values), tmp_path / "a.tiff"))
    np.testing.assert_allclose(np.asarray(loaded), RAMP, atol=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[-1, 0.5]], np.float32), r"floating-point values from -1 to 0.5. Expected"),
        (np.array([[0, 300]], np.float32), r"floating-point values from 0 to 300. Expected"),
        (np.array([[0, np.nan]], np.float32), r"floating-point values from nan to nan. Expected"),
        (np.array([[0, 70_000]], np.int32), r"holds values from 0 to 70000. Expected gray values"),
        (np.array([[-5, 7]], np.int32), r"holds values from -5 to 7. Expected gray values"),
    ],
)
def test_values_of_no_known_range_are_refused(tmp_path, values, message):
    path = save(Image.fromarray(values), tmp_path / "a.tiff")
    with pytest.raises(RunError, match=r"a\.tiff: holds " + message.removeprefix("holds ")):
        read_image(path)


def test_transparency_becomes_white(tmp_path):
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    loaded = read_image(save(image, tmp_path / "a.png"))
    assert np.asarray(loaded).tolist() == [[[200, 0, 0], [255, 255, 255]]]


def test_a_transparent_palette_color_becomes_white(tmp_path):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    loaded = read_image(save(image, tmp_path / "a.gif", transparency=1))
    assert np.asarray(loaded).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_exif_rotation_is_applied(tmp_path, rgb):
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was held upright: turn clockwise to look at it.
    loaded = read_image(save(rgb, tmp_path / "a.png", exif=exif))
    np.testing.assert_array_equal(np.asarray(loaded), np.rot90(np.asarray(rgb), -1))


def test_cmyk_becomes_rgb(tmp_path):
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    loaded = read_image(save(image, tmp_path / "a.tiff"))
    assert np.asarray(loaded)[0, 0].tolist() == [255, 0, 0]


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert np.asarray(read_image(path))[0, 0].tolist() == [255, 0, 0]


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(RunError, match=r"none\.png: there is no such file"):
        read_image(tmp_path / "none.png")


def test_a_file_that_is_no_image_is_refused(tmp_path):
    path = tmp_path / "a.png"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside.txt", "text")
    with pytest.raises(RunError, match=r"a\.png: is not a picture\. Expected PNG"):
        read_image(path)


def test_a_format_that_runs_programs_is_not_opened(tmp_path, rgb):
    path = save(rgb, tmp_path / "a.eps")
    with pytest.raises(RunError, match="is not a picture"):
        read_image(path)


def test_a_truncated_file_is_reported(tmp_path, rgb):
    path = save(rgb.resize((200, 200)), tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(RunError, match=r"a\.jpg: is truncated or damaged"):
        read_image(path)


@pytest.mark.parametrize("side", [8001, 10_000, 20_000])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, side):
    assert side**2 > PIXEL_LIMIT
    stream = io.BytesIO()
    Image.new("1", (side, side)).save(stream, "PNG")
    stream.seek(0)
    with pytest.raises(RunError, match="bomb: has too many pixels"):
        read_image(stream, "bomb")


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
def test_damaged_bytes_are_read_or_refused(tmp_path, rgb, ending):
    whole = save(rgb.resize((40, 40)), tmp_path / f"a.{ending}").read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for place in random.integers(0, len(damaged), 3):
            damaged[place] = random.integers(256)
        try:
            assert read_image(io.BytesIO(bytes(damaged)), "x").mode in ("L", "RGB")
        except RunError as error:
            assert str(error).startswith("x: ")


def test_folders_are_searched_in_order_and_without_loops(tmp_path):
    for name in ("b.PNG", "a.jpeg", "notes.txt", "sub/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.symlink(tmp_path, tmp_path / "sub" / "loop")
    found = [str(path.relative_to(tmp_path)) for path in find_image_files(tmp_path)]
    assert found == ["a.jpeg", "b.PNG", "sub/c.webp"]

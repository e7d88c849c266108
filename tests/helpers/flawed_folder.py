"""A folder of pictures with flaws that are known: what a check of the data has to find."""

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

SIDE = 48
TRAINED, TESTED = 40, 12


def paint(random, label):
    """Paints a picture, light at the left for `left`, at the top for `top`; uint8 RGB."""
    ramp = np.linspace(60, -60, SIDE)
    light = ramp[np.newaxis, :] if label == "left" else ramp[:, np.newaxis]
    noise = gaussian_filter(random.normal(0, 1, (SIDE, SIDE, 3)), (3, 3, 0))
    picture = 128 + light[..., np.newaxis] + 30 * noise / noise.std()
    return np.clip(picture, 0, 255).astype(np.uint8)


def copy_roughly(pixels):
    """Encodes a picture again, scales it by 1.1 and shifts it by 2 pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75)
    scaled = Image.open(buffer).resize((round(1.1 * SIDE), round(1.1 * SIDE)))
    return np.roll(np.asarray(scaled), 2, axis=(0, 1))


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def write_flawed_folder(folder):
    """Writes the folder; returns path -> the issues that it must be listed with.

    All paths are relative to the folder, with the copy before the original in the value.
    """
    random = np.random.default_rng(0)
    painted = {}
    for split, count in (("train", TRAINED), ("test", TESTED)):
        for label in ("left", "top"):
            for number in range(count):
                name = f"{split}/{label}/{number:02}.png"
                painted[name] = paint(random, label)
                save(folder / name, painted[name])
    # Two pictures of the one class in the folder of the other.
    for number in (90, 91):
        save(folder / f"train/top/{number}.png", paint(random, "left"))
    save(folder / "test/left/copy.png", painted["train/left/03.png"])
    save(folder / "test/top/rough.png", copy_roughly(painted["train/top/05.png"]))
    save(folder / "train/left/twin.png", painted["train/top/07.png"])
    save(folder / "train/left/blank.png", np.full((SIDE, SIDE, 3), 77, np.uint8))
    save(folder / "train/left/dark.png", painted["train/left/08.png"] // 16)
    save(folder / "train/left/tiny.png", paint(random, "left")[:8, :8])
    save(folder / "train/left/long.png", np.tile(paint(random, "left"), (1, 5, 1)))
    turned = Image.Exif()
    turned[0x0112] = 6
    save(folder / "train/left/turned.jpg", paint(random, "left"), exif=turned)
    return {
        "train/top/90.png": ("label error", "left"),
        "train/top/91.png": ("label error", "left"),
        "test/left/copy.png": ("duplicate across splits", "train/left/03.png"),
        "test/top/rough.png": ("near-duplicate across splits", "train/top/05.png"),
        "train/top/07.png": ("duplicate with another label", "train/left/twin.png"),
        "train/left/blank.png": ("blank", ""),
        "train/left/dark.png": ("nearly black", ""),
        "train/left/tiny.png": ("tiny", ""),
        "train/left/long.png": ("extreme shape", ""),
        "train/left/turned.jpg": ("rotated by EXIF", ""),
    }

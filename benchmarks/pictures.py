"""Pictures to read, made from handwritten digits, fonts and noise; each with the text it holds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage
from scipy.interpolate import make_interp_spline

FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral", "cmr10")
# Without those that are also the shape of a digit, by hand or in a font: I, l, O, o, Z, z, S, s.
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYabcdefghjkmnpqrtuvwxy"
PAGE = (900, 1200)


@dataclass(frozen=True)
class Strokes:
    """Handwritten digits to draw pictures with.

    Args:
        images: `(n, 28, 28)` uint8, light on dark.
        labels: `(n,)` integers.
    """

    images: np.ndarray
    labels: np.ndarray

    def draw(self, random: np.random.Generator, height: int) -> tuple[np.ndarray, str]:
        """Draw one at random, cropped to its bounding box.

        Returns:
            `(height, width)` float32 in [0, 1], and the digit.
        """
        index = int(random.integers(len(self.images)))
        places = ndimage.find_objects((self.images[index] > 40).astype(int))[0]
        crop = self.images[index][places].astype(np.float32) / 255
        large = ndimage.zoom(np.pad(crop, 2), height / crop.shape[0], order=3)
        # Sharp again, like the ink of a pen.
        ink = 1 / (1 + np.exp(-14 * (ndimage.gaussian_filter(large, height / 60) - 0.4)))
        rows, columns = ndimage.find_objects((ink > 0.1).astype(int))[0]
        return ink[rows, columns], str(self.labels[index])


Maker = Callable[[np.random.Generator, Strokes], tuple[Image.Image, str]]


def make_blank(shape: tuple[int, int] = PAGE) -> np.ndarray:
    """Return the ink of an empty page, float32."""
    return np.zeros(shape, np.float32)


def place(ink: np.ndarray, stroke: np.ndarray, top: int, left: int) -> None:
    """Draw a character onto a page, in place."""
    rows, columns = stroke.shape
    target = ink[top : top + rows, left : left + columns]
    np.maximum(target, stroke[: target.shape[0], : target.shape[1]], out=target)


def place_anywhere(random: np.random.Generator, ink: np.ndarray, strokes: Strokes) -> str:
    """Draw a digit of a random size somewhere on a page."""
    stroke, digit = strokes.draw(random, int(random.integers(70, 320)))
    top = random.integers(20, ink.shape[0] - stroke.shape[0] - 20)
    left = random.integers(20, ink.shape[1] - stroke.shape[1] - 20)
    place(ink, stroke, int(top), int(left))
    return digit


def render(
    random: np.random.Generator, ink: np.ndarray, light: np.ndarray | float = 1.0, noise: float = 3
) -> Image.Image:
    """Render ink on paper, in a random shade of each, with a camera's noise."""
    paper, pen = random.uniform(205, 250), random.uniform(10, 90)
    pixels = (paper + (pen - paper) * ink) * light
    pixels = ndimage.gaussian_filter(pixels, 0.8) + random.normal(0, noise, ink.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def make_page(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a page with one digit anywhere; one in four is light on dark."""
    ink = make_blank()
    digit = place_anywhere(random, ink, strokes)
    image = render(random, ink)
    return (
        Image.eval(image, lambda value: 255 - value) if random.random() < 0.25 else image
    ), digit


def make_table(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a photograph of a sheet of paper with a digit on a dark table, a little askew."""
    ink = make_blank((600, 800))
    digit = place_anywhere(random, ink, strokes)
    sheet = np.asarray(render(random, ink), np.float32)
    grain = ndimage.gaussian_filter(random.normal(0, 60, PAGE), (1, 12))
    table = random.uniform(25, 80) + grain
    angle = np.deg2rad(random.uniform(-10, 10))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array(PAGE) / 2 + random.uniform(-60, 60, 2)
    offset = np.array(sheet.shape) / 2 - turn @ middle
    laid = ndimage.affine_transform(sheet, turn, offset, PAGE, order=1, cval=-1)
    pixels = np.where(laid < 0, table, laid) + random.normal(0, 3, PAGE)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), digit


def make_falling_light(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a page whose light falls off by 60 % from one side to the other."""
    ink = make_blank()
    digit = place_anywhere(random, ink, strokes)
    direction = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:1:900j, 0:1:1200j]
    slope = x * np.cos(direction) + y * np.sin(direction)
    return render(random, ink, 1 - 0.6 * (slope - slope.min()) / np.ptp(slope)), digit


def make_shadow(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a page with a shadow that takes 45 % of the light of one side, and has a soft edge."""
    ink = make_blank()
    digit = place_anywhere(random, ink, strokes)
    direction = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-450:450, -600:600]
    side = x * np.cos(direction) + y * np.sin(direction) > random.uniform(-200, 200)
    shade = ndimage.gaussian_filter(side.astype(float), random.uniform(10, 60))
    return render(random, ink, 1 - 0.45 * shade), digit


def make_ruled(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a page of ruled paper, a little askew, with a row of three digits across its lines."""
    ink = make_blank()
    text = place_row(random, ink, strokes, 3, int(random.integers(300, 450)))
    lines = make_blank()
    for top in range(int(random.integers(20, 80)), PAGE[0], 75):
        lines[top : top + 2] = random.uniform(0.35, 0.6)
    turned = ndimage.rotate(np.maximum(ink, lines), random.uniform(-3, 3), reshape=False, order=1)
    return render(random, turned), text


def place_row(
    random: np.random.Generator, ink: np.ndarray, strokes: Strokes, count: int, top: int
) -> str:
    """Draw digits side by side, which do not touch; return them."""
    height, left, text = int(random.integers(110, 170)), int(random.integers(60, 200)), ""
    for _ in range(count):
        stroke, digit = strokes.draw(random, int(height * random.uniform(0.88, 1.12)))
        place(ink, stroke, top + int(random.integers(-10, 11)), left)
        left += stroke.shape[1] + int(random.integers(25, 70))
        text += digit
    return text


def make_rows(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a page with two rows of four digits."""
    ink = make_blank()
    first = place_row(random, ink, strokes, 4, int(random.integers(120, 200)))
    second = place_row(random, ink, strokes, 4, int(random.integers(430, 560)))
    return render(random, ink), first + second


def make_slanted(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a row of four digits that rises or falls by up to twelve degrees."""
    ink = make_blank()
    text = place_row(random, ink, strokes, 4, 350)
    turned = ndimage.rotate(ink, random.uniform(-12, 12), reshape=False, order=1)
    return render(random, turned), text


def make_touching(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make two digits that are pushed together until their strokes touch."""
    ink = make_blank()
    height = int(random.integers(120, 260))
    first, left_digit = strokes.draw(random, height)
    second, right_digit = strokes.draw(random, int(height * random.uniform(0.9, 1.1)))
    place(ink, first, 300, 300)
    for left in range(300 + first.shape[1] + 5, 300, -1):
        moved = make_blank()
        place(moved, second, 300, left)
        if ((moved > 0.5) & (ink > 0.5)).sum() >= height / 12:
            break
    return render(random, np.maximum(ink, moved)), left_digit + right_digit


def make_letter(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a letter of a font."""
    image = Image.new("L", PAGE[::-1], 0)
    name = font_manager.findfont(str(random.choice(FONTS)))
    font = ImageFont.truetype(name, int(random.integers(150, 450)))
    spot = (int(random.integers(100, 600)), int(random.integers(50, 350)))
    ImageDraw.Draw(image).text(spot, str(random.choice(list(LETTERS))), 255, font)
    return render(random, np.asarray(image, np.float32) / 255), ""


def make_scribble(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make a line drawn through several random points."""
    image = Image.new("L", PAGE[::-1], 0)
    count = int(random.integers(6, 14))
    points = random.uniform((200, 150), (900, 750), (count, 2))
    curve = make_interp_spline(np.arange(count), points, 3)(np.linspace(0, count - 1, 400))
    ImageDraw.Draw(image).line(
        [tuple(point) for point in curve], 255, int(random.integers(8, 24)), "curve"
    )
    return render(random, np.asarray(image, np.float32) / 255), ""


def make_empty(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make an empty page, with uneven light and the grain of paper."""
    light = 1 - ndimage.gaussian_filter(random.normal(0, 40, PAGE), 150)
    return render(random, make_blank(), np.clip(light, 0.4, 1), random.uniform(1, 6)), ""


def make_photograph(random: np.random.Generator, strokes: Strokes) -> tuple[Image.Image, str]:
    """Make colored noise whose power falls with the square of its frequency, as in photographs.

    Source: Field, "Relations between the statistics of natural images and the response properties
    of cortical cells" (1987).
    """
    rows, columns = 480, 640
    frequencies = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None])
    frequencies[0, 0] = 1
    spectrum = np.fft.fft2(random.normal(size=(3, rows, columns))) / frequencies**1.1
    waves = np.fft.ifft2(spectrum).real
    waves = np.einsum("cd,dyx->yxc", random.uniform(0.2, 1, (3, 3)), waves)
    pixels = 128 + 55 * (waves - waves.mean()) / waves.std()
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.SHARPEN), ""


MAKERS: Mapping[str, Maker] = {
    "one digit anywhere on a page": make_page,
    "paper on a dark table": make_table,
    "light that falls off by 60 %": make_falling_light,
    "a shadow over a part of the page": make_shadow,
    "ruled paper, three digits": make_ruled,
    "two rows of four digits": make_rows,
    "a slanted row of four digits": make_slanted,
    "touching pairs": make_touching,
    "letters": make_letter,
    "scribbles": make_scribble,
    "empty pages": make_empty,
    "photographs": make_photograph,
}
"""Kind -> its maker. Pictures without a digit come with an empty text."""


def make_pictures(kind: str, count: int, strokes: Strokes) -> Iterator[tuple[Image.Image, str]]:
    """Make pictures of a kind, the same ones each time."""
    for number in range(count):
        yield MAKERS[kind](np.random.default_rng([number, len(kind)]), strokes)

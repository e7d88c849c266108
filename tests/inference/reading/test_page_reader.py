from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from benchmarks.pictures import Strokes, make_pictures
from framework.data.registry import load_digits
from framework.errors import RunError
from framework.inference.polarity import FRAMINGS, MNIST_FRAMING
from framework.inference.reading.framing import frame_character
from framework.inference.reading.page_reader import find_characters as find_glyphs
from framework.inference.reading.paper import find_paper
from framework.inference.reading.touching import list_cuts, may_touch


def draw(*lines, size=(800, 300), background=255, foreground=0):
    page = Image.new("L", size, background)
    pen = ImageDraw.Draw(page)
    for line in lines:
        pen.line(line, fill=foreground, width=16, joint="curve")
    return page


def find_characters(image, framing):
    return [frame_character(glyph.foreground, framing) for glyph in find_glyphs(image)]


BAR_OF_FIVE = [(160, 50), (230, 50)]
BODY_OF_FIVE = [(150, 60), (150, 140), (200, 140), (220, 190), (190, 250), (140, 240)]
ONE = [(320, 50), (320, 250)]
SEVEN = [(400, 50), (500, 50), (430, 250)]


def test_an_empty_image_holds_no_characters():
    assert find_characters(draw(), MNIST_FRAMING) == []
    noise = np.random.default_rng(0).integers(240, 256, (100, 100), dtype=np.uint8)
    assert find_characters(Image.fromarray(noise), MNIST_FRAMING) == []


@pytest.mark.parametrize(
    "colors",
    [{}, {"background": 0, "foreground": 255}, {"background": 180, "foreground": 90}],
)
def test_characters_come_left_to_right_whatever_the_order_and_the_colors(colors):
    characters = find_characters(draw(SEVEN, BODY_OF_FIVE, ONE, **colors), MNIST_FRAMING)
    assert len(characters) == 3
    widths = [np.ptp(np.flatnonzero(one.max(axis=0))) for one in characters]
    assert widths[1] < 5 < widths[0]
    # The bar of the seven, its widest row, is at its top.
    assert characters[2].astype(int).sum(axis=1).argmax() < 14


@pytest.mark.parametrize("shift", [-20, 0, 8, 16])
def test_the_bar_of_a_five_belongs_to_it_and_not_to_its_neighbor(shift):
    bar = [(x + shift, y - 20) for x, y in BAR_OF_FIVE]
    characters = find_characters(draw(BODY_OF_FIVE, bar, ONE, SEVEN), MNIST_FRAMING)
    assert len(characters) == 3


def test_two_crossing_strokes_are_one_character():
    hook = [(100, 50), (80, 160), (180, 160)]
    stem = [(150, 100), (150, 280)]
    assert len(find_characters(draw(hook, stem, ONE), MNIST_FRAMING)) == 2


def test_noise_pixels_are_not_characters():
    page = draw(ONE, SEVEN)
    page.putpixel((20, 20), 0)
    assert len(find_characters(page, MNIST_FRAMING)) == 2


@pytest.mark.parametrize("width", [40, 200, 600])
def test_a_character_fills_the_box_of_mnist_with_its_mass_in_the_middle(width):
    page = Image.new("L", (900, 900), 255)
    ImageDraw.Draw(page).polygon([(50, 50), (50 + width, 50), (50, 50 + 300)], fill=0)
    (character,) = find_characters(page, MNIST_FRAMING)
    assert character.shape == (28, 28)
    assert character.dtype == np.uint8
    rows, columns = (np.ptp(np.flatnonzero(character.max(axis=axis))) + 1 for axis in (1, 0))
    assert max(rows, columns) == 20
    np.testing.assert_allclose(ndimage.center_of_mass(character), (14, 14), atol=1)


def test_enlarged_digits_are_framed_as_the_originals():
    likenesses = []
    for pixels in load_digits().test.images[:50]:
        page = Image.new("L", (700, 400), 255)
        large = Image.fromarray(255 - pixels).resize((280, 280), Image.Resampling.BICUBIC)
        page.paste(large, (100, 40))
        (found,) = find_characters(page, FRAMINGS["digits"])
        likenesses.append(np.corrcoef(found.ravel(), pixels.ravel())[0, 1])
    assert np.mean(likenesses) > 0.85


def test_noise_is_refused_instead_of_read():
    noise = np.random.default_rng(0).integers(0, 256, (400, 900), dtype=np.uint8)
    with pytest.raises(RunError, match="that is not a page of characters"):
        find_characters(Image.fromarray(noise), MNIST_FRAMING)


@pytest.fixture(scope="module")
def strokes():
    test = load_digits().test
    return Strokes(test.images, test.labels)


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("one digit anywhere on a page", [1]),
        ("paper on a dark table", [1]),
        ("light that falls off by 60 %", [1]),
        ("a shadow over a part of the page", [1]),
        ("ruled paper, three digits", [3]),
        ("two rows of four digits", [4, 4]),
        ("a slanted row of four digits", [4]),
        ("empty pages", []),
    ],
)
def test_characters_are_found_on_pages_of_many_kinds(strokes, kind, lines):
    found = []
    for image, _ in make_pictures(kind, 12, strokes):
        rows = [glyph.row for glyph in find_glyphs(image)]
        found.append([rows.count(row) for row in sorted(set(rows))])
    assert found.count(lines) >= 10, found


def test_lines_come_from_the_top_each_from_left_to_right():
    page = draw(ONE, SEVEN, size=(800, 700))
    pen = ImageDraw.Draw(page)
    pen.line([(100, 420), (100, 620)], fill=0, width=16)
    pen.line([(300, 420), (500, 420), (360, 620)], fill=0, width=16, joint="curve")
    widths = [(glyph.row, glyph.foreground.shape[1] > 60) for glyph in find_glyphs(page)]
    assert widths == [(0, False), (0, True), (1, False), (1, True)]


def test_ruled_lines_leave_the_strokes_that_cross_them():
    page, plain = draw(ONE, SEVEN), draw(ONE, SEVEN)
    for top in range(20, 300, 40):
        ImageDraw.Draw(page).line([(0, top), (800, top)], fill=150, width=2)
    for ruled, bare in zip(find_glyphs(page), find_glyphs(plain), strict=True):
        framed = [frame_character(each.foreground, MNIST_FRAMING) for each in (ruled, bare)]
        assert np.corrcoef(framed[0].ravel(), framed[1].ravel())[0, 1] > 0.9


def test_light_that_falls_off_is_no_sheet_of_paper():
    slope = np.tile(np.linspace(90, 240, 900), (600, 1)).astype(np.uint8)
    assert find_paper(slope) is slope


def test_a_sheet_that_lies_askew_is_straightened():
    table = Image.new("L", (900, 700), 40)
    ImageDraw.Draw(table).polygon([(150, 120), (750, 180), (710, 590), (110, 530)], fill=230)
    sheet = find_paper(np.asarray(table))
    assert sheet.shape[0] == pytest.approx(412, abs=25)
    assert sheet.shape[1] == pytest.approx(603, abs=35)
    assert sheet.min() > 200


def test_one_of_the_cuts_separates_two_strokes_that_touch():
    page = draw([(300, 50), (300, 250)], [(300, 160), (420, 160)], [(420, 50), (420, 250)])
    (glyph,) = find_glyphs(page)
    assert may_touch(replace(glyph, foreground=glyph.foreground[:100]))
    halves = [sorted(half.foreground.shape[1] for half in pair) for pair in list_cuts(glyph)]
    assert min(abs(first - second) for first, second in halves) < 30

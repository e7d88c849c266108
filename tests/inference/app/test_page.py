"""The drawing page: live reading, its shapes, what it is unsure of."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.helpers.browsers import find_violations
from tests.helpers.program import TIMEOUT_SECONDS
from tests.inference.app.test_server import (  # noqa: F401
    FIVE,
    ZERO,
    await_text,
    draw,
    draw_digits,
    page,
)

pytestmark = pytest.mark.long

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVQI12NgAAAAAgAB4iG8MwAAAABJRU5ErkJggg=="  # noqa: E501


def open_window(browser, address, width=1300, height=900, **options):
    window = browser.new_page(viewport={"width": width, "height": height}, **options)
    window.set_default_timeout(1000 * TIMEOUT_SECONDS)
    window.goto(address)
    window.locator(".undo:disabled").wait_for()
    return window


def make_crop(name, confidence=0.9, known=True, row=0):
    return {
        "image": PIXEL,
        "predicted": name if known else "unknown",
        "confidence": confidence,
        "known": known,
        "row": row,
        "top": [{"class": name, "probability": confidence}],
    }


def answer_with(window, text, *crops):
    body = json.dumps({"text": text, "message": "", "crops": crops})
    window.route("**/read", lambda route: route.fulfill(body=body, content_type="application/json"))


def test_the_answer_stands_while_one_draws(browser, page):  # noqa: F811
    window = open_window(browser, page[0])
    canvas = window.locator("canvas")
    draw(window, canvas, FIVE[0])
    box = canvas.bounding_box()
    scale = box["width"] / 1200
    window.mouse.move(box["x"] + 420 * scale, box["y"] + 50 * scale)
    window.mouse.down()
    for x, y in ZERO[0]:
        window.mouse.move(box["x"] + x * scale, box["y"] + y * scale, steps=3)
    # The pen is still down.
    window.wait_for_function("document.querySelectorAll('.crops figure').length === 2")
    window.mouse.up()
    window.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(browser, page, scheme):  # noqa: F811
    window = open_window(browser, page[0], color_scheme=scheme)
    draw(window, window.locator("canvas"), *FIVE, *ZERO)
    await_text(window, "50")
    assert find_violations(window) == []
    window.set_viewport_size({"width": 390, "height": 844})
    assert find_violations(window) == []
    window.close()


def test_the_newest_drawing_is_what_is_answered(browser, page):  # noqa: F811
    window = open_window(browser, page[0])
    draw(window, window.locator("canvas"), *FIVE, *ZERO)
    await_text(window, "50")
    window.get_by_role("button", name="Clear").click()
    window.wait_for_function("document.querySelector('.crops').children.length === 0")
    assert window.locator(".text").inner_text() == ""
    window.close()


def test_the_canvas_of_a_phone_is_a_large_square(browser, page):  # noqa: F811
    window = open_window(browser, page[0], 390, 844)
    box = window.locator("canvas").bounding_box()
    assert box["width"] >= 340
    assert box["height"] == pytest.approx(box["width"], abs=2)
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    window.close()


def test_a_drawing_survives_that_the_phone_is_turned(browser, page):  # noqa: F811
    window = open_window(browser, page[0])
    draw(window, window.locator("canvas"), *FIVE)
    await_text(window, "5")
    pixels = "[...pen.getImageData(0, 0, canvas.width, canvas.height).data]"
    before = window.evaluate(f"{pixels}.join()")
    for width in (390, 1300, 390, 1300):
        window.set_viewport_size({"width": width, "height": 900})
        window.wait_for_function(f"(canvas.width === canvas.height) === ({width} === 390)")
        assert window.evaluate(f"{pixels}.filter(value => value < 99).length") > 1000
    assert window.evaluate(f"{pixels}.join()") == before
    window.close()


def test_an_answer_to_what_was_cleared_is_not_shown(browser, page):  # noqa: F811
    window = open_window(browser, page[0])
    held = []
    window.route("**/read", lambda route: held.append(route))
    draw(window, window.locator("canvas"), *FIVE)
    while not held:
        window.wait_for_timeout(20)
    window.get_by_role("button", name="Clear").click()
    body = json.dumps({"text": "8", "message": "", "crops": [make_crop("8")]})
    window.evaluate(
        """() => {
          window.shown = [];
          const note = () => shown.push(document.querySelector(".text").textContent);
          const options = { childList: true, characterData: true, subtree: true };
          new MutationObserver(note).observe(document.querySelector(".text"), options);
        }"""
    )
    # One request at a time, whatever was drawn meanwhile.
    assert len(held) == 1
    held[0].fulfill(body=body, content_type="application/json")
    window.wait_for_function("!asking")
    assert "8" not in window.evaluate("shown")
    window.close()


def test_lines_are_shown_as_lines(browser, page):  # noqa: F811
    window = open_window(browser, page[0])
    answer_with(window, "20 19", *(make_crop(*pair) for pair in [("2",), ("0",)]),
                *(make_crop(name, row=1) for name in "19"))  # fmt: skip
    draw(window, window.locator("canvas"), *FIVE)
    await_text(window, "20\\n19")
    assert window.locator(".crops .row").count() == 2
    window.close()


def test_what_is_not_sure_is_said_instead_of_a_guess(browser, page):  # noqa: F811
    window = open_window(browser, page[0])
    crops = [make_crop("8", 0.97, known=False), make_crop("3", 0.4), make_crop("5", 0.99)]
    answer_with(window, "?35", *crops)
    draw(window, window.locator("canvas"), *FIVE)
    await_text(window, "?35")
    figures = window.locator(".crops figure")
    assert "not sure, looks most like 8" in figures.nth(0).inner_text()
    assert "not sure" in figures.nth(1).inner_text()
    assert "not sure" not in figures.nth(2).inner_text()
    # The class is in the answer, and with its alternatives, and nowhere else.
    assert figures.nth(2).inner_text().split("\n") == ["5", "99.0 %"]
    window.close()


def test_an_image_is_pasted(browser, page):  # noqa: F811
    sheet, classes = draw_digits(3)
    window = open_window(browser, page[0])
    pixels = np.asarray(sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.BOX))
    window.evaluate(
        """async ([rows, columns, gray]) => {
          const canvas = new OffscreenCanvas(columns, rows);
          const context = canvas.getContext("2d");
          const image = context.createImageData(columns, rows);
          gray.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
          context.putImageData(image, 0, 0);
          const data = new DataTransfer();
          const blob = await canvas.convertToBlob();
          data.items.add(new File([blob], "image.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        [*pixels.shape, pixels.ravel().tolist()],
    )
    await_text(window, classes)
    window.close()


def test_a_photo_can_be_taken_where_there_is_a_touch_screen(browser, page):  # noqa: F811
    desktop = open_window(browser, page[0])
    assert not desktop.locator(".camera").is_visible()
    desktop.close()
    phone = open_window(browser, page[0], 390, 844, has_touch=True, is_mobile=True)
    assert phone.locator(".camera input").get_attribute("capture") == "environment"
    assert phone.locator(".camera").is_visible()
    phone.close()

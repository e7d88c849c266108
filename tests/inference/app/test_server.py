import asyncio
import base64
import io
import json
import math
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from framework.cli.main import main
from framework.data.registry import load_digits
from framework.inference.app.application import build_app
from framework.inference.app.drawing import HINT
from framework.inference.app.server import MAX_CONNECTIONS
from framework.inference.picture_reader import PictureReader
from framework.utils import optional_dependencies
from tests.helpers.drawings import make_predictor, read_drawing
from tests.helpers.program import ROOT, TIMEOUT_SECONDS

pytestmark = pytest.mark.long

# Strokes on a canvas of 1200 x 340.
FIVE = [
    [(110, 60), (105, 150), (160, 140), (190, 190), (170, 260), (100, 265)],
    [(115, 55), (200, 50)],
]
ZERO = [
    [(420 + 60 * math.sin(turn), 160 - 110 * math.cos(turn)) for turn in np.linspace(0, 6.2, 16)]
]
FOUR = [[(640, 50), (600, 190), (720, 190)], [(690, 130), (690, 290)]]


def start_page(run, *options):
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "draw", "--run", str(run), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return process, found[0]
    process.stdout.close()
    raise AssertionError(f"the page did not start: exit code {process.wait()}\n{''.join(said)}")


@pytest.fixture(scope="module")
def page(digits_run):
    """The address of a running page, and its process."""
    process, address = start_page(digits_run, "--port", "0")
    yield address, process
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=TIMEOUT_SECONDS) == 0
    process.stdout.close()


def ask(address, body, path="/read", **headers):
    """Post a body; return the status and the answer."""
    request = urllib.request.Request(address + path, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def encode(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def draw_digits(count=3):
    """Return digits of the test set side by side, dark on light, and their classes."""
    test = load_digits().test
    sheet = Image.new("L", (250 * count, 300), 255)
    for place, pixels in enumerate(test.images[:count]):
        digit = Image.fromarray(255 - pixels).resize((200, 200), Image.Resampling.BICUBIC)
        sheet.paste(digit, (250 * place + 20, 50))
    return sheet, "".join(map(str, test.labels[:count]))


def test_digits_in_a_row_are_read_in_order(trained):
    sheet, classes = draw_digits(5)
    answer = read_drawing(PictureReader(trained), encode(sheet))
    assert answer["text"] == classes
    assert [crop["predicted"] for crop in answer["crops"]] == list(classes)


def test_an_empty_drawing_gets_a_hint(trained):
    answer = read_drawing(PictureReader(trained), encode(Image.new("L", (300, 100), 255)))
    assert answer == {"text": "", "message": HINT, "crops": []}


def test_a_person_draws_three_digits_with_the_mouse(browser, page, digits_run, tmp_path, capsys):
    address, _ = page
    window = browser.new_page(viewport={"width": 1300, "height": 900})
    window.set_default_timeout(1000 * TIMEOUT_SECONDS)
    requests, errors = [], []
    window.on("request", lambda request: requests.append(request.url))
    window.on("pageerror", lambda error: errors.append(str(error)))
    window.goto(address)
    canvas = window.locator("canvas")
    # There is nothing to undo, says the script, and is ready with that.
    window.locator(".undo:disabled").wait_for()
    assert "a small CNN on digits" in window.locator(".about").inner_text()
    assert re.search(r"test accuracy 9\d\.\d\d %", window.locator(".about").inner_text())

    draw(window, canvas, *FIVE, *ZERO, *FOUR)
    window.wait_for_function("document.querySelector('.text').textContent === '504'")
    figures = window.locator(".crops figure")
    assert figures.count() == 3
    for place in range(3):
        said = figures.nth(place).locator(".share").first.inner_text().split("\n")
        crop = tmp_path / f"{place}.png"
        data = figures.nth(place).locator("img").get_attribute("src").partition(",")[2]
        crop.write_bytes(base64.b64decode(data))
        main(["predict", "--run", str(digits_run), str(crop), "--format", "text"])
        assert f": {said[0]}  {said[1]}  (" in capsys.readouterr().out

    for _ in FOUR:
        window.get_by_role("button", name="Undo").click()
    window.wait_for_function("document.querySelector('.text').textContent === '50'")
    window.get_by_role("button", name="Clear").click()
    window.wait_for_function("document.querySelector('.crops').children.length === 0")
    assert window.locator(".text").inner_text() == ""

    inside = (address, "data:", "blob:")
    assert [url for url in requests if not url.startswith(inside)] == []
    assert errors == []
    window.close()


def draw(window, canvas, *strokes):
    box = canvas.bounding_box()
    scale = box["width"] / 1200
    for stroke in strokes:
        points = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        window.mouse.move(*points[0])
        window.mouse.down()
        for point in points[1:]:
            window.mouse.move(*point, steps=5)
        window.mouse.up()


def test_an_image_file_is_opened(browser, page, tmp_path):
    address, _ = page
    sheet, classes = draw_digits(3)
    sheet.save(tmp_path / "digits.png")
    (tmp_path / "text.png").write_text("text")
    window = browser.new_page()
    window.set_default_timeout(1000 * TIMEOUT_SECONDS)
    window.goto(address)
    chooser = window.locator(".open input")
    chooser.set_input_files(tmp_path / "digits.png")
    window.wait_for_function(f"document.querySelector('.text').textContent === '{classes}'")
    chooser.set_input_files(tmp_path / "text.png")
    window.wait_for_function("document.querySelector('.message').textContent.length > 0")
    assert "is not a picture" in window.locator(".message").inner_text()
    assert window.locator(".text").inner_text() == ""
    window.close()


def open_page(browser, address, **options):
    window = browser.new_page(viewport={"width": 1300, "height": 900}, **options)
    window.set_default_timeout(1000 * TIMEOUT_SECONDS)
    window.goto(address)
    window.locator(".undo:disabled").wait_for()
    return window


def await_text(window, text):
    window.wait_for_function(f"document.querySelector('.text').textContent === '{text}'")


def touch(window, canvas, strokes, others=()):
    """Draw with a finger, while other fingers rest on the canvas."""
    session = window.context.new_cdp_session(window)
    box = canvas.bounding_box()
    scale = box["width"] / 1200

    def send(kind, points):
        places = [
            {"x": box["x"] + x * scale, "y": box["y"] + y * scale, "id": number}
            for number, (x, y) in enumerate(points)
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    for stroke in strokes:
        send("touchStart", stroke[:1])
        if others:
            send("touchStart", [stroke[0], *others])
        for point in stroke[1:]:
            send("touchMove", [point, *others])
        send("touchEnd", [])


@pytest.mark.parametrize("others", [(), ((1100, 300),)], ids=["one finger", "and a palm"])
def test_a_finger_draws_and_a_second_one_does_not_disturb_it(browser, page, others):
    window = open_page(browser, page[0], has_touch=True)
    touch(window, window.locator("canvas"), [*FIVE, *ZERO, *FOUR], others)
    await_text(window, "504")
    assert window.evaluate("window.scrollY") == 0
    window.close()


def test_an_image_is_dropped_onto_the_canvas(browser, page, tmp_path):
    sheet, classes = draw_digits(3)
    sheet.save(tmp_path / "digits.png")
    window = open_page(browser, page[0])
    canvas = window.locator("canvas")
    box = canvas.bounding_box()
    session = window.context.new_cdp_session(window)
    data = {"items": [], "files": [str(tmp_path / "digits.png")], "dragOperationsMask": 1}

    def drag(kind, x, y):
        place = {"x": box["x"] + x, "y": box["y"] + y}
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})

    for kind in ("dragEnter", "dragOver"):
        drag(kind, 300, 100)
    assert "dropping" in canvas.get_attribute("class")
    drag("drop", 300, 100)
    await_text(window, classes)
    assert canvas.get_attribute("class") == ""
    # A drop that misses would make a browser leave the page, unless it is told not to.
    for kind in ("dragover", "drop"):
        missed = f"new DragEvent('{kind}', {{bubbles: true, cancelable: true}})"
        assert window.evaluate(f"document.body.dispatchEvent({missed})") is False
    window.close()


def test_the_page_retries_while_the_server_is_busy(browser, page):
    window = open_page(browser, page[0])
    host, port = page[0].removeprefix("http://").split(":")
    others = [socket.create_connection((host, int(port))) for _ in range(MAX_CONNECTIONS)]
    try:
        draw(window, window.locator("canvas"), *FIVE)
        window.get_by_text("The program is busy").wait_for()
    finally:
        for other in others:
            other.close()
    await_text(window, "5")
    assert window.locator(".message").inner_text() == ""
    window.close()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"abort": True}, "The program that answers is gone. Start it again."),
        ({"status": 500, "body": "oh"}, "The program failed to answer (HTTP status 500)."),
    ],
)
def test_a_stopped_server_and_a_failing_one_get_different_messages(browser, page, answer, message):
    window = open_page(browser, page[0])
    window.route(
        "**/read", lambda route: route.abort() if "abort" in answer else route.fulfill(**answer)
    )
    draw(window, window.locator("canvas"), *FIVE)
    window.get_by_text(message).wait_for()
    window.close()


def make_invalid_bodies():
    """Return 200 bodies that are no drawing, with a word of each error message."""
    random = np.random.default_rng(0)
    archive = b"PK\x03\x04" + random.bytes(500)
    huge = encode(Image.new("1", (10_000, 10_000)))
    sound = encode(draw_digits()[0])
    bodies = [
        (b"", "not a picture"),
        (b"some text", "not a picture"),
        (b"/etc/passwd", "not a picture"),
        (b'{"path": "/etc/passwd"}', "not a picture"),
        (archive, "not a picture"),
        (b"GIF89a", "truncated or damaged|not a picture"),
        (huge, "too many pixels"),
        (sound[: len(sound) // 2], "truncated or damaged"),
        (bytes(17 * 10**6), "more than 16 MB"),
    ]
    return bodies * 20


def read_memory(process):
    """Return the peak resident memory of a process in MB."""
    with open(f"/proc/{process.pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def test_200_invalid_bodies_get_an_error_each_and_the_server_still_answers(page):
    address, process = page
    sheet, classes = draw_digits()
    ask(address, encode(sheet))  # When this is answered, the model is loaded.
    before = read_memory(process)
    for body, message in make_invalid_bodies():
        status, answer = ask(address, body)
        assert status in (400, 413)
        assert re.search(message, answer["message"])
        assert answer["crops"] == []
    status, answer = ask(address, encode(sheet))
    assert (status, answer["text"]) == (200, classes)
    assert read_memory(process) - before < 300


@pytest.mark.parametrize(("path", "status"), [("/", 405), ("/static/draw.js", 405), ("/x", 404)])
def test_other_posts_are_refused(page, path, status):
    request = urllib.request.Request(page[0] + path, b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    assert refused.value.code == status


def test_a_client_that_disconnects_during_an_upload_leaves_no_traceback(trained):
    parts = [{"type": "http.request", "body": b"\x89PNG", "more_body": True}]
    sent = []
    scope = {
        "type": "http", "method": "POST", "path": "/read", "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }  # fmt: skip

    async def receive():
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    # In a thread of its own, since the browser's loop may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        app = build_app(trained, make_predictor(trained))
        thread.submit(asyncio.run, app(scope, receive, send)).result()
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/{run}/model.keras",
        "/static//etc/passwd",
        "/file=/etc/passwd",
        "/../../etc/passwd",
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/draw.py",
    ],
)
def test_no_file_outside_the_page_is_served(page, digits_run, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(page[0] + path.format(run=digits_run), timeout=TIMEOUT_SECONDS)
    assert refused.value.code in (400, 403, 404)


def test_another_host_name_is_refused(page):
    request = urllib.request.Request(page[0], headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    assert refused.value.code == 400


def test_a_port_in_use_is_an_error_that_suggests_another(digits_run, forker):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = forker.start("draw", "--run", digits_run, "--port", port, DISPLAY="")
        assert ended.wait(TIMEOUT_SECONDS) == 1
    assert ended.stderr == (
        f"--port: {port} can't be used: Address already in use. Try another: --port {port + 1}\n"
    )


def test_a_model_that_cannot_be_loaded_ends_the_page(digits_run, tmp_path, forker):
    run = shutil.copytree(digits_run, tmp_path / "run")
    (run / "model.keras").write_bytes((run / "model.keras").read_bytes()[:2000])
    ended = forker.start("draw", "--run", run, "--port", 0, DISPLAY="")
    assert ended.wait(TIMEOUT_SECONDS) == 1
    assert re.fullmatch(r".*model\.keras can't be read as a Keras model: .*\n", ended.stderr)


def test_a_missing_extra_is_an_error(digits_run, capsys, monkeypatch):
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda name: None)
    assert main(["draw", "--run", str(digits_run)]) == 1
    assert capsys.readouterr().err == (
        "The server needs fastapi, uvicorn, python-multipart, prometheus-client, "
        "swagger-ui-bundle, opencv-python-headless. "
        "Install with: pip install --editable '.[app]'\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_is_a_number(digits_run, capsys, port):
    with pytest.raises(SystemExit) as ended:
        main(["draw", "--run", str(digits_run), f"--port={port}"])
    assert ended.value.code == 2
    assert f"expected a port, 0 to 65535. Found '{port}'." in capsys.readouterr().err

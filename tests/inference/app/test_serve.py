"""`run.py serve`: predictions over HTTP, for clients of all kinds."""

import base64
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from framework.data.registry import load_digits
from framework.inference.app import protocol, uploads
from framework.inference.app.application import build_app
from framework.inference.app.predictor import MAX_WAITING, Predictor
from framework.inference.picture_reader import PictureReader
from tests.helpers.drawings import make_predictor
from tests.helpers.program import ROOT, TIMEOUT_SECONDS

pytestmark = pytest.mark.long

PNG = {"Content-Type": "image/png"}
POST = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def encode(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def digits():
    """The first test images as PNG files."""
    return [encode(pixels) for pixels in load_digits().test.images[:80]]


@pytest.fixture
def client(trained):
    app = build_app(trained, make_predictor(trained), hosts=["testserver"])
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def start(digits_run):
    """Starts servers; gives a process and its address."""
    processes = []

    def start_server(*options):
        process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "run.py"),
                "serve",
                "--run",
                str(digits_run),
                "--port",
                "0",
                *options,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        address = re.search(r"http://[\d.]+:\d+", process.stdout.readline())[0]
        while ask(address, "/health")[0] != 200:
            time.sleep(0.1)
        return process, address

    yield start_server
    for process in processes:
        process.kill()
        process.communicate()


def ask(address, path, body=None, **headers):
    """Return the status, the answer and its headers."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address + path, body, names)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def test_every_form_of_a_request_gets_the_answer_of_the_classifier(client, trained, digits):
    expected = [each.describe() for each in trained.predict(load_digits().test.images[:3])]
    texts = [base64.b64encode(digit).decode() for digit in digits[:3]]
    files = [("images", (f"{n}.png", digit)) for n, digit in enumerate(digits[:3])]
    several = [
        client.post("/predict", files=files),
        client.post("/predict", json={"images": texts}),
        client.post("/predict", json=[f"data:image/png;base64,{text}" for text in texts]),
    ]
    for response in several:
        assert response.status_code == 200
        answers = response.json()["predictions"]
        assert [each["predicted"] for each in answers] == [each["predicted"] for each in expected]
        for found, wanted in zip(answers, expected, strict=True):
            assert found["confidence"] == pytest.approx(wanted["confidence"], rel=1e-5)
            assert [each["class"] for each in found["top"]] == [
                each["class"] for each in wanted["top"]
            ]
    single = [
        client.post("/predict", content=digits[0], headers=PNG),
        client.post("/predict", content=digits[0]),
        client.post("/predict", json={"image": texts[0]}),
        client.post("/predict", json=texts[0]),
    ]
    for response in single:
        (found,) = response.json()["predictions"]
        assert found["predicted"] == expected[0]["predicted"]


def test_urls_are_refused_and_not_fetched(client):
    for url in ("http://127.0.0.1:9/a.png", "file:///etc/passwd", "https://example.org/a.png"):
        response = client.post("/predict", json={"images": [url]})
        assert (response.status_code, "URLs are not fetched" in response.text) == (422, True)


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"", "image/png", 422, "no picture in the request"),
        (b"{", "application/json", 422, "no JSON"),
        (b"[" * 100_000, "application/json", 422, "no JSON"),
        (b"{}", "application/json", 422, "no picture in the request"),
        (b'{"images": [1]}', "application/json", 422, "no text"),
        (b'{"images": 7}', "application/json", 422, "Expected a list"),
        (b'{"images": ["%%%"]}', "application/json", 422, "no base64"),
        (b'{"images": ["YWJj"]}', "application/json", 422, "not a picture"),
        (json.dumps(["YWJj"] * 65).encode(), "application/json", 413, "64 pictures or fewer"),
        (b"text", "multipart/form-data", 422, "boundary"),
        (b"text", "multipart/form-data; boundary=x", 422, "form is damaged"),
        (b"text", "text/plain", 422, "not a picture"),
        (bytes(17 * 10**6), "image/png", 413, "more than 16 MB"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(client, body, kind, status, message):
    response = client.post("/predict", content=body, headers={"Content-Type": kind})
    assert response.status_code == status, response.text
    assert re.search(message, response.json()["detail"])


def test_a_broken_picture_among_others_has_an_error_of_its_own(client, digits):
    response = client.post("/predict", files=[("a", digits[0]), ("b", b"text"), ("c", digits[1])])
    first, second, third = response.json()["predictions"]
    assert response.status_code == 200
    assert second == {"error": "The image: is not a picture. Expected PNG, JPEG, BMP, GIF, WebP, TIFF, PGM or PPM."}  # fmt: skip  # noqa: E501
    assert "predicted" in first
    assert "predicted" in third


def test_it_says_what_it_is_and_how_it_is(client, trained, digits):
    assert client.get("/health").json() == {"status": "ok"}
    metadata = client.get("/metadata").json()
    assert metadata["classes"] == list(trained.class_names)
    assert metadata["input_shape"] == list(trained.image_shape)
    assert metadata["test_accuracy"] == trained.test_accuracy
    client.post("/predict", content=digits[0])
    client.post("/predict", content=b"text")
    client.get("/somewhere/else")
    metrics = client.get("/metrics").text
    for line in (
        'transfer_framework_requests_total{path="/predict",status="200"} 1.0',
        'transfer_framework_requests_total{path="/predict",status="422"} 1.0',
        'transfer_framework_requests_total{path="other",status="404"} 1.0',
        "transfer_framework_pictures_total 1.0",
        "transfer_framework_waiting_pictures 0.0",
    ):
        assert line in metrics.splitlines()


def test_the_description_of_the_api_needs_no_network(client):
    page = client.get("/docs").text
    assert "https://" not in page
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert name.startswith("data:") or client.get(f"/{name}").status_code == 200
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/predict", "/health", "/metadata", "/metrics"}
    assert "multipart/form-data" in described["paths"]["/predict"]["post"]["requestBody"]["content"]


def test_without_the_token_nothing_is_answered_but_the_page_and_the_health(trained, digits):
    app = build_app(trained, make_predictor(trained), "s3cret", ["testserver"])
    with TestClient(app) as client:
        for given in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic s3cret"}):
            for path in ("/predict", "/read"):
                assert client.post(path, content=digits[0], headers=given).status_code == 401
            for path in ("/metadata", "/metrics"):
                assert client.get(path, headers=given).status_code == 401
        assert client.get("/health").status_code == client.get("/").status_code == 200
        headers = {"Authorization": "Bearer s3cret"}
        assert client.post("/predict", content=digits[0], headers=headers).status_code == 200


def test_requests_of_other_sites_and_by_other_names_are_refused(client, digits):
    for origin, status in (("http://testserver", 200), ("http://evil.example", 403), ("null", 403)):
        response = client.post("/predict", content=digits[0], headers={"Origin": origin})
        assert response.status_code == status
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 400


def test_before_the_classifier_is_loaded_it_is_not_healthy_and_pictures_wait(trained, digits):
    loaded = Future()
    with TestClient(build_app(trained, Predictor(loaded), hosts=["testserver"])) as client:
        response = client.get("/health")
        assert (response.status_code, response.json()) == (503, {"status": "loading"})
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(client.post, "/predict", content=digits[0])
            time.sleep(0.2)
            assert not answer.done()
            loaded.set_result(PictureReader(trained))
            assert answer.result().status_code == 200
        assert client.get("/health").status_code == 200


def test_a_full_queue_is_told_and_when_to_try_again(trained, digits):
    loaded = Future()
    predictor = Predictor(loaded)
    with TestClient(build_app(trained, predictor, hosts=["testserver"])) as client:
        body = [base64.b64encode(digits[0]).decode()] * 64
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(client.post, "/predict", json=body) for _ in range(4)]
            while predictor.waiting < MAX_WAITING:
                time.sleep(0.01)
            refused = client.post("/predict", content=digits[0])
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            loaded.set_result(PictureReader(trained))
            assert {answer.result().status_code for answer in answers} == {200}
        assert client.post("/predict", content=digits[0]).status_code == 200


def test_uploads_together_take_a_bounded_memory(trained, digits, monkeypatch):
    monkeypatch.setattr(uploads.UploadBudget.__init__, "__defaults__", (1000,))
    app = build_app(trained, make_predictor(trained), hosts=["testserver"])
    with TestClient(app) as client:
        for _ in range(3):
            assert client.post("/predict", content=bytes(2000)).status_code == 503
            assert client.post("/predict", content=digits[0][:900]).status_code != 503


def test_what_waits_is_read_in_batches(trained, digits):
    sizes = []

    class Counting(PictureReader):
        def read(self, pictures):
            sizes.append(len(pictures))
            return super().read(pictures)

    loaded = Future()
    loaded.set_result(Counting(trained))
    app = build_app(trained, Predictor(loaded), hosts=["testserver"])
    with TestClient(app) as client, ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda each: client.post("/predict", content=each), digits))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(sizes) == len(digits)
    assert len(sizes) < len(digits) / 2
    found = [answer.json()["predictions"][0]["predicted"] for answer in answers]
    assert found == [each.predicted for each in trained.predict(load_digits().test.images[:80])]


def test_an_unexpected_error_is_one_requests_alone(trained, digits):
    class Failing(PictureReader):
        failures = 1

        def read(self, pictures):
            if self.failures:
                self.failures -= 1
                raise ValueError("unexpected")
            return super().read(pictures)

    loaded = Future()
    loaded.set_result(Failing(trained))
    app = build_app(trained, Predictor(loaded), hosts=["testserver"])
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/predict", content=digits[0]).status_code == 500
        assert client.post("/predict", content=digits[0]).status_code == 200


def test_silent_and_slow_clients_disturb_nobody(start, digits):
    _, address = start()
    host, port = address.removeprefix("http://").split(":")
    place = (host, int(port))
    others = [socket.create_connection(place) for _ in range(60)]
    for other in others[:20]:
        other.send(POST)
    for other in others[20:40]:
        other.send(POST + b"Content-Length: 100000\r\n\r\nx")
    started = time.monotonic()
    assert ask(address, "/predict", digits[0])[0] == 200
    assert time.monotonic() - started < protocol.REQUEST_SECONDS
    # Those without a whole request are closed, and those without a whole body are answered.
    for other in others:
        other.settimeout(2 * uploads.UPLOAD_SECONDS)
    assert {other.recv(1) for other in [*others[:20], *others[40:]]} == {b""}
    assert {other.recv(12) for other in others[20:40]} == {b"HTTP/1.1 408"}
    for other in others:
        other.close()


def test_hostile_requests_are_answered_and_the_server_goes_on(start, digits):
    process, address = start()
    random = np.random.default_rng(0)
    host, port = address.removeprefix("http://").split(":")
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
    heads = [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /static/../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01" + random.bytes(200),
        random.bytes(500) + b"\r\n\r\n",
    ]
    for number in range(200):
        if number % 2:
            body = [bomb.getvalue(), random.bytes(1000), digits[0][:50], b"{" * 1000][
                number // 2 % 4
            ]
            assert ask(address, "/predict", body)[0] in (413, 422)
            continue
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS) as client:
            client.sendall(heads[number // 2 % len(heads)])
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 422", b"")
    assert ask(address, "/predict", digits[0])[0] == 200
    process.terminate()
    said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert "Traceback" not in said


def test_it_ends_under_load_with_every_request_answered_or_told(start, digits):
    process, address = start()
    outcomes, errors = [], []
    ending = threading.Event()

    def send():
        while not ending.is_set():
            try:
                outcomes.append(ask(address, "/predict", digits[0])[0])
            except (urllib.error.URLError, ConnectionError):
                errors.append(time.monotonic())
                return

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 100:
        time.sleep(0.01)
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT_SECONDS) == 0
    ending.set()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {200, 503}
    assert all(error >= told for error in errors)


def test_a_host_that_is_not_here_is_an_error(digits_run, forker):
    ended = forker.start("serve", "--run", digits_run, "--host", "192.0.2.1", "--port", 0)
    assert ended.wait(TIMEOUT_SECONDS) == 1
    assert ended.stderr == "--host: 192.0.2.1 is no address of this machine.\n"

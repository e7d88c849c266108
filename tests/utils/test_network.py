"""Downloads from a server that stalls, breaks off, lies or sends something else."""

import hashlib
import http.server
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest

from framework.config.model import DatasetConfig
from framework.data.dataset import DataUnavailableError
from framework.data.registry import read_dataset
from framework.data.sources import keras_downloads
from framework.utils import network
from framework.utils.network import DownloadError, fetch

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers each request in the next of its ways, and in the last one ever after."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ways = ["sound"]
        self.requests = 0
        self.released = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        way = server.ways[min(server.requests, len(server.ways) - 1)]
        server.requests += 1
        getattr(self, way)()

    def send(self, content, length):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def sound(self):
        self.send(CONTENT, len(CONTENT))

    def slow(self):
        self.send(CONTENT[:5000], len(CONTENT))
        self.server.released.wait(60)
        self.wfile.write(CONTENT[5000:])

    def cut_off(self):
        self.send(CONTENT[:5000], len(CONTENT))

    def cut_off_in_silence(self):
        self.send(CONTENT[:5000], None)

    def too_long(self):
        self.send(CONTENT, 10 * len(CONTENT))

    def garbage(self):
        self.send(b"<html>Please log in to the hotel's network</html>", None)

    def stall(self):
        self.send(CONTENT[:5000], len(CONTENT))
        self.wfile.flush()
        self.server.released.wait(20)

    def mute(self):
        self.server.released.wait(20)

    def reset(self):
        self.connection.close()

    def busy(self):
        self.send_error(503)

    def missing(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    # Long enough for the answers that do come, on a machine that is busy with other things.
    monkeypatch.setattr(network, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(network, "RETRY_DELAYS", (0.0, 0.0))
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def get_file(server, directory):
    return fetch(
        keras.utils.get_file, "file.bin", origin=server.url, file_hash=SHA256, cache_dir=directory
    )


WAYS = [
    "cut_off", "cut_off_in_silence", "too_long", "garbage", "stall", "mute", "reset", "busy",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_fails_twice_is_tried_a_third_time(way, server, tmp_path):
    server.ways = [way, way, "sound"]

    path = get_file(server, tmp_path)

    assert Path(path).read_bytes() == CONTENT
    assert server.requests == 3


@pytest.mark.parametrize("way", WAYS)
def test_what_a_server_never_sends_whole_is_refused(way, server, tmp_path):
    server.ways = [way]

    with pytest.raises(DownloadError, match=r"\.$"):
        get_file(server, tmp_path)

    assert server.requests == 3


def test_a_file_that_is_not_there_is_asked_for_once(server, tmp_path):
    server.ways = ["missing"]

    with pytest.raises(DownloadError, match="404 -- Not Found"):
        get_file(server, tmp_path)

    assert server.requests == 1


def test_a_half_file_of_another_program_is_repaired(server, tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "file.bin").write_bytes(CONTENT[:777])

    assert Path(get_file(server, tmp_path)).read_bytes() == CONTENT


def test_of_two_that_need_a_file_one_downloads_it(server, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(network, "TIMEOUT_SECONDS", 60.0)
    caplog.set_level("INFO")
    server.ways = ["slow"]

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(get_file, server, tmp_path) for _ in range(2)]
        while "waiting for it" not in caplog.text and not any(one.done() for one in both):
            time.sleep(0.01)
        server.released.set()

    assert [Path(one.result()).read_bytes() for one in both] == [CONTENT, CONTENT]
    assert server.requests == 1


def test_a_cache_that_takes_no_lock_is_used_all_the_same(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file" / "keras"))

    assert Path(get_file(server, tmp_path)).read_bytes() == CONTENT


def test_without_a_network_the_answer_comes_at_once(monkeypatch):
    def find_no_host():
        raise urllib.error.URLError(OSError("Temporary failure in name resolution"))

    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with pytest.raises(DownloadError):
        fetch(find_no_host)
    with pytest.raises(DownloadError, match="refused"):  # As the tests' proxy does.
        fetch(keras.utils.get_file, origin="http://example.invalid/file.bin")
    assert pauses == []


def test_proxies_are_honoured(server, tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request._opener", None)  # It has read the tests' own proxy.
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")

    path = fetch(
        keras.utils.get_file,
        origin="http://example.invalid/other.bin",
        file_hash=SHA256,
        cache_dir=tmp_path,
    )

    assert Path(path).read_bytes() == CONTENT


def test_fashion_mnist_is_checked_though_keras_does_not(server, monkeypatch, tmp_path):
    """What is in Keras's cache, cut short, and fetched again in vain, is not read."""
    server.ways = ["garbage"]
    monkeypatch.setattr(keras_downloads, "FASHION_MNIST_URL", server.url)
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in keras_downloads.FASHION_MNIST_MD5:
        folder.joinpath(name).write_bytes(b"\x1f\x8b half a file")
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path))

    with pytest.raises(DataUnavailableError, match=r"hash does not match(.|\n)*Place it by hand"):
        read_dataset(DatasetConfig("fashion_mnist"))


def test_a_data_set_comes_through_a_bad_line(server, monkeypatch, tmp_path):
    """MNIST as Keras loads it, from a server that breaks off at first."""
    arrays = {
        "x_train": np.zeros((4, 28, 28), np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None],
        "y_train": np.arange(4),
        "x_test": np.full((2, 28, 28), 9, np.uint8),
        "y_test": np.arange(2),
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    content = (tmp_path / "mnist.npz").read_bytes()
    monkeypatch.setitem(globals(), "CONTENT", content)
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / "cache").mkdir()  # Keras takes another folder for one that is not there.

    def get_file(fname, origin, file_hash):
        return keras.utils.get_file(
            fname, origin=server.url, file_hash=digest, cache_dir=tmp_path / "cache"
        )

    monkeypatch.setattr("keras.src.datasets.mnist.get_file", get_file)
    server.ways = ["cut_off", "sound"]

    dataset = read_dataset(DatasetConfig("mnist"))

    assert np.array_equal(dataset.train.images, arrays["x_train"])
    assert server.requests == 2

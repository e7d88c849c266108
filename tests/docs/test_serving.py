"""The calls of `curl` that the pages show, on a server of a small run."""

import base64
import json
import re
import shlex
import signal
import time

import httpx2
import pytest

from tests.helpers.curl import send
from tests.helpers.documented_commands import find_blocks, select_blocks
from tests.helpers.program import ROOT, TIMEOUT_SECONDS
from tests.helpers.reader_folder import write_images

# The picture whose beginning the pages show.
BASE64 = re.compile(r"iVBORw0KGgo[\w+/]*\.\.\.")
SERVER = re.compile(r"http://(127\.0\.0\.1|localhost):8000")


@pytest.fixture(scope="module")
def address(digits_run, forker):
    process = forker.start("serve", "--run", digits_run, "--port", "0")
    while process.is_alive() and not (found := re.search(r"http://[\d.]+:\d+", process.stdout)):
        time.sleep(0.05)
    assert process.is_alive(), process.output
    # Once the classifier is loaded.
    while httpx2.get(f"{found[0]}/health").status_code != 200:
        time.sleep(0.1)
    yield found[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT_SECONDS) == 0, process.output


@pytest.fixture
def call(address, tmp_path):
    """Sends the request of a command to the server in place of port 8000."""

    write_images(tmp_path)

    def send_request(text):
        picture = base64.b64encode((tmp_path / "photo.png").read_bytes()).decode()
        text = BASE64.sub(picture, SERVER.sub(address, text))
        program, *words = shlex.split(text)
        assert program == "curl"
        return send(words, tmp_path)

    return send_request


@pytest.mark.parametrize("block", select_blocks(__name__))
def test_the_calls_are_answered(block, call):
    for command in block:
        answer = call(command.text)
        assert answer.status_code == 200, f"{command.place}: {answer.text}"


def test_the_answer_on_the_page_has_the_form_of_the_answers(call):
    (shown,) = map(json.loads, find_blocks("docs/serving.md", "json"))
    calls = [command for each in select_blocks(__name__) for command in each.values[0]]
    for command in calls:
        if command.place.startswith("docs/serving.md:"):
            assert describe(call(command.text).json()) == describe(shown), command.place


def describe(value):
    """Return the names and types in JSON; a list is like its first element."""
    if isinstance(value, dict):
        return {name: describe(inner) for name, inner in value.items()}
    return [describe(value[0])] if isinstance(value, list) else type(value)


def test_the_routes_of_the_table_are_there(address):
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    routes = re.findall(r"^\| `(GET|POST) (/\S*)`", page, re.MULTILINE)
    assert len(routes) > 5
    for method, path in routes:
        # A request for a prediction without a picture is refused.
        status = 200 if method == "GET" else 422
        assert httpx2.request(method, address + path).status_code == status, path

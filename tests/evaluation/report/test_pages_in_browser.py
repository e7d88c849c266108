"""The pages as a reader meets them: opened from the disk in a browser, with no network."""

import json
import re
from contextlib import contextmanager

import pytest

from framework.evaluation.comparison.compare_runs import compare_runs
from framework.evaluation.report.write_report import write_report
from tests.evaluation.comparison.test_compare_runs import write_run
from tests.helpers.browsers import find_violations
from tests.helpers.fake_results import make_report_inputs
from tests.helpers.program import TIMEOUT_SECONDS

PERCENT, PLAIN = "%", ""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    reason = {"what": "dataset", "wanted": "mnist", "used": "digits", "reason": "no network"}
    inputs = make_report_inputs(environment={"substitutions": [reason]})
    write_report(directory, inputs)
    (directory / "metrics.json").write_text(json.dumps(inputs.metrics))
    return directory / "report.html"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "a rather long name of a run, with spaces and all", accuracy=0.8)
    write_run(folder / "b", accuracy=0.95)
    compare_runs([folder])
    return folder / "comparison.html"


@contextmanager
def open_page(browser, path, width=1280, **options):
    """Opens a page, and fails on any console message and any request for something else."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_offline(True)
    page = context.new_page()
    page.set_default_timeout(1000 * TIMEOUT_SECONDS)
    trouble = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: trouble.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert [entry for entry in trouble if entry != path.as_uri() and entry[:5] != "data:"] == []
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_pages_open_quietly_and_fit_the_window(browser, name, width, request):
    with open_page(browser, request.getfixturevalue(name), width) as page:
        loaded = page.eval_on_selector_all(
            "img", "images => images.map(image => image.complete && image.naturalWidth > 0)"
        )
        assert loaded
        assert all(loaded)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_shown_figure_is_its_value_rounded(browser, report):
    with open_page(browser, report) as page:
        shown = page.eval_on_selector_all(
            "data", "all => all.map(one => [one.value, one.textContent])"
        )
    assert len(shown) > 60
    for value, text in shown:
        match = re.fullmatch(r"([\d.,]+)(\s?%|\s(?:s|min).*)?", text)
        assert match, text
        unit = (match[2] or "").strip()
        if unit in (PERCENT, PLAIN):
            digits = match[1].replace(",", "")
            decimals = len(digits.partition(".")[2])
            scale = 100 if unit == PERCENT else 1
            assert float(digits) == pytest.approx(scale * float(value), abs=0.51 * 10**-decimals)


def test_the_test_accuracy_is_that_of_metrics(browser, report):
    metrics = json.loads(report.with_name("metrics.json").read_text())
    with open_page(browser, report) as page:
        value = page.locator("#test-accuracy data").first.get_attribute("value")
        assert float(value) == metrics["test"]["accuracy"]
        banner = page.locator("#substitutions").bounding_box()
        assert banner["y"] < page.locator("#test-accuracy").bounding_box()["y"]


def test_why_something_was_substituted_is_told_on_demand(browser, report):
    with open_page(browser, report) as page:
        reason = page.get_by_text("no network")
        assert not reason.is_visible()
        page.get_by_text("why").click()
        assert reason.is_visible()


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_pages_are_dark_where_the_reader_wants_it(browser, name, request):
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    path = request.getfixturevalue(name)
    with open_page(browser, path, color_scheme="dark") as page:
        assert max(page.evaluate(brightness)) < 60
    with open_page(browser, path, color_scheme="light") as page:
        assert min(page.evaluate(brightness)) > 240


def test_a_printed_report_is_white_and_without_navigation(browser, report):
    with open_page(browser, report, color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert len(page.pdf()) > 100_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_pages_are_accessible(browser, name, width, scheme, request):
    with open_page(browser, request.getfixturevalue(name), width, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert find_violations(page) == []


def test_the_whole_matrix_is_seen_on_a_phone(browser, report):
    with open_page(browser, report, width=390) as page:
        box = page.locator("#matrix").bounding_box()
        assert box["x"] + box["width"] <= 390
        scrolled = "e => e.scrollWidth > e.clientWidth"
        for frame in page.locator("figure .frame").all():
            assert not frame.evaluate(scrolled)


def test_a_cell_shows_its_pictures_when_it_is_followed(browser, report):
    with open_page(browser, report) as page:
        link = page.locator("#matrix a").first
        pictures = page.locator(link.get_attribute("href"))
        assert not pictures.is_visible()
        link.click()
        assert pictures.locator("img").first.is_visible()
        page.get_by_text("Back to the result").locator("visible=true").click()
        assert not pictures.is_visible()


def test_what_is_folded_is_printed(browser, report):
    with open_page(browser, report) as page:
        matrix = page.locator("img[alt^='Confusion matrix, training']")
        config = page.locator("#config pre")
        assert not matrix.is_visible()
        assert not config.is_visible()
        page.emulate_media(media="print")
        assert matrix.bounding_box()["height"] > 100
        assert config.bounding_box()["height"] > 100


def test_the_sections_are_reached_from_the_navigation(browser, report):
    with open_page(browser, report) as page:
        for link in page.locator("nav a").all():
            assert page.locator(link.get_attribute("href")).count() == 1

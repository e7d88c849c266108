"""Every link in the Markdown of the repository leads somewhere, as GitHub resolves it."""

import re
from urllib.parse import urlsplit

import pytest

from tests.helpers.program import ROOT
from tests.helpers.web_pages import follow, is_external, read_markdown

PLACES = (
    "*.md", ".github/*.md", "configs/*.md", "docs/*.md", "examples/*.ipynb",
    "results/benchmarks/*.md", "results/samples/**/*.md",
)  # fmt: skip
PAGES = sorted(path for place in PLACES for path in ROOT.glob(place))


def show(path):
    return str(path.relative_to(ROOT))


def find_problem(link, page):
    """Returns what is wrong with a relative link, or nothing."""
    target, anchor = follow(link, page, ROOT)
    if ROOT not in target.parents:
        return "leads out of the repository"
    if not target.exists():
        return "no such file"
    if anchor and anchor not in read_markdown(target).anchors:
        return "no such heading"
    return ""


def test_the_pages_are_found():
    assert {"README.md", "docs/probe.md", "examples/tour.ipynb"} <= set(map(show, PAGES))
    assert sum(len(read_markdown(page).links) for page in PAGES) > 100


@pytest.mark.parametrize("page", PAGES, ids=show)
def test_links_lead_to_files_and_headings(page):
    parsed = read_markdown(page)
    links = [link for link in (*parsed.links, *parsed.loaded) if not is_external(link)]
    problems = {link: problem for link in links if (problem := find_problem(link, page))}
    assert problems == {}


@pytest.mark.parametrize("page", PAGES, ids=show)
def test_links_to_other_hosts_are_https(page):
    links = [link for link in read_markdown(page).links if is_external(link)]
    links = [link for link in links if urlsplit(link).hostname != "127.0.0.1"]
    wrong = [
        link
        for link in links
        if urlsplit(link).scheme != "https"
        or not re.fullmatch(r"[\w-]+(\.[\w-]+)+", urlsplit(link).hostname or "")
        or re.search(r"\s", link)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=show)
def test_pictures_are_described_and_part_of_the_repository(page):
    pictures = read_markdown(page).pictures
    assert [source for source, text in pictures if not text.strip()] == []
    assert [source for source, _ in pictures if is_external(source)] == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("performance.md#half-precision", ""),
        ("../README.md#the-config", ""),
        ("performance.md#half_precision", "no such heading"),
        ("perfomance.md", "no such file"),
        ("../../README.md", "leads out of the repository"),
    ],
)
def test_broken_links_are_noticed(link, problem):
    assert find_problem(link, ROOT / "docs" / "probe.md") == problem

"""The site: complete, the same as on GitHub, and of one piece without a network."""

import json
import re
import shutil
import subprocess
import sys

import pytest

import framework
from framework import errors
from tests.helpers.program import ROOT
from tests.helpers.web_pages import WebPage, follow, is_external, read_markdown

COMPARED = ("h1", "h2", "h3", "h4", "ol", "ul", "li", "table", "tr", "td", "blockquote", "img")
"""Elements of which Python-Markdown and GitHub might find different numbers in the same text."""


def run_build(site, root=ROOT):
    command = [sys.executable, "-m", "scripts.make_site", str(site)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documentation") / "site"
    result = run_build(folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout + result.stderr == ""
    return folder


@pytest.fixture(scope="module")
def pages(site):
    """Every page of the site by its path."""
    return {path: WebPage(path.read_text(), "article") for path in sorted(site.rglob("*.html"))}


def find_page(site, source):
    """Returns the page that a Markdown file becomes."""
    name = "index.html" if source.name == "README.md" else f"{source.stem}.html"
    return site / source.relative_to(ROOT).parent / name


def test_the_home_page_is_the_readme(site):
    home = (site / "index.html").read_text()
    assert "Transfer learning for image classification, from one config file." in home
    assert (site / "results/samples/vgg16/confusion_matrix_test.png").is_file()


def test_pages_have_the_structure_the_tables_and_the_anchors_of_github(site, pages):
    sources = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "configs/README.md"]
    assert len(sources) > 20
    for source in sources:
        if source.name == "reference.md":
            continue
        built, expected = pages[find_page(site, source)], read_markdown(source)
        assert built.headings == expected.headings, source
        assert built.cells == expected.cells, source
        numbers = [{tag: page.tags[tag] for tag in COMPARED} for page in (built, expected)]
        assert numbers[0] == numbers[1], source


def test_links_lead_to_pages_and_anchors(site, pages):
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.loaded):
            if is_external(link):
                continue
            target, anchor = follow(link, path, site)
            if target.is_dir():
                target = target / "index.html"
            known = pages[target].anchors if target in pages else set()
            if not target.is_file() or (anchor and anchor not in known):
                broken.append((str(path.relative_to(site)), link))
    assert broken == []


def test_nothing_is_loaded_from_another_host(site, pages):
    loaded = {link for page in pages.values() for link in page.loaded}
    assert len(loaded) > 5
    assert [link for link in loaded if is_external(link) and not link.startswith("data:")] == []
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text()) == []


def test_the_reference_has_signatures_and_arguments(site):
    reference = (site / "docs/reference.html").read_text()
    entry = reference.split('id="framework.train"')[1].split('id="framework.probe"')[0]
    text = re.sub(r"<[^>]+>|\s+", "", entry)
    assert "train(config:ConfigLike,overrides:Overrides=None" in text
    for section in (
        "Parameters:",
        "output(",
        "Returns:",
        "Thefinishedrun",
        "Raises:",
        "UsageError",
    ):
        assert section in text


def test_the_reference_lists_every_public_name():
    text = (ROOT / "docs/reference.md").read_text()
    listed = set(re.findall(r"^- \[`framework\.([\w.]+)`\]", text, re.MULTILINE))
    assert listed >= set(framework.__all__) - {"__version__"}
    defined = {
        f"errors.{name}"
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert {name for name in listed if name.startswith("errors.")} == defined


def test_search_finds_pages_and_python_names(site):
    entries = json.loads((site / "search/search_index.json").read_text())["docs"]
    locations = {entry["location"] for entry in entries}
    assert {"index.html", "docs/probe.html", "examples/tour.html"} <= locations
    assert "docs/reference.html#framework.train" in locations
    assert "CHANGELOG.html" in locations


def test_a_page_fits_a_phone_and_needs_no_network(site, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    for name in ("index", "docs/architecture", "docs/config", "docs/reference"):
        page.goto((site / f"{name}.html").as_uri())
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    assert {url.split(":")[0] for url in requested} <= {"file", "data", "blob"}
    page.goto((site / "docs/architecture.html").as_uri())
    assert page.locator(".diagram svg .node").count() > 10
    page.close()


def test_mistakes_in_pages_end_the_build(tmp_path):
    root = tmp_path / "clone"
    for folder in ("docs", "scripts"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", root)
    for path in ROOT.iterdir():
        if path.name in ("framework", "configs", "examples", "results") or path.suffix == ".md":
            (root / path.name).symlink_to(path)
    (root / "docs/orphan.md").write_text("# Orphan\n\nSee [a heading](probe.md#nowhere).\n")
    result = run_build(tmp_path / "site", root)
    assert result.returncode != 0
    assert "docs/orphan.md" in result.stderr
    assert "#nowhere" in result.stderr

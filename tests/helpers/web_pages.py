"""HTML pages as a browser reads them, and Markdown files as GitHub renders them."""

import json
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from mdit_py_plugins.anchors import anchors_plugin

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False}).use(anchors_plugin, max_level=6)

LOADED = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch"}
"""The `rel` of `<link>`s that a browser follows by itself."""


class WebPage(HTMLParser):
    """What a page links to, what it loads, and where it can be linked at.

    Args:
        html: The page.
        within: The element whose tags, headings and cells of tables count; none: the whole page.
    """

    def __init__(self, html, within=None):
        super().__init__()
        self.links, self.loaded, self.pictures = [], [], []
        self.anchors, self.headings, self.tags = set(), [], Counter()
        self.cells, self.in_table = [], False
        self.within, self.depth = within, 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.loaded += [given[name] for name in ("src", "poster", "data") if name in given]
        if tag == "img":
            self.pictures.append((given.get("src", ""), given.get("alt", "")))
        if tag == "link" and LOADED & set(given["rel"].split()):
            self.loaded.append(given["href"])
        elif "href" in given and tag in ("a", "area", "link"):
            self.links.append(given["href"])
        self.depth += tag == self.within
        if self.depth or not self.within:
            self.tags[tag] += 1
            if tag in ("th", "td"):
                self.in_table = True
                self.cells.append("")
            if tag in ("h1", "h2", "h3", "h4", "h5", "h6") and "id" in given:
                self.headings.append(given["id"])

    def handle_endtag(self, tag):
        self.depth -= tag == self.within
        if tag == "table":
            self.in_table = False

    def handle_data(self, data):
        if self.in_table and self.cells:
            self.cells[-1] += data.strip("\n")


@cache
def read_markdown(path):
    """Reads a Markdown file, or the Markdown cells of a notebook, as GitHub renders it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return WebPage(MARKDOWN.render(text))


def is_external(link):
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def follow(link, page, root):
    """Returns the path and the anchor that a relative link in the file `page` leads to."""
    parts = urlsplit(link)
    path = unquote(parts.path)
    start = root if path.startswith("/") else page.parent
    target = (start / path.lstrip("/")).resolve() if path else page
    return target, unquote(parts.fragment)

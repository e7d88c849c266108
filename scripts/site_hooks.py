"""What MkDocs has to do so that pages written for GitHub are the same on the site."""

import json
import re
from collections import Counter
from typing import Any

import mermaidx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pymdownx.slugs import slugify

REFERENCE = "docs/reference.md"
REFERENCE_ENTRY = re.compile(r"^- \[`(framework\.[\w.]+)`\]\(.*\n", re.MULTILINE)

TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
CODE_SPAN = re.compile(r"`[^`]+`")


class AnchorCounts(Counter[str]):
    """How often each heading of the page at hand has occurred."""

    def make_anchor(self, heading: str, separator: str) -> str:
        """Return the anchor that GitHub gives a heading; that of a second one ends with `-1`."""
        anchor = slugify(case="lower")(heading, separator)
        self[anchor] += 1
        return f"{anchor}-{self[anchor] - 1}" if self[anchor] > 1 else anchor


anchors = AnchorCounts()


class NotebookPage(File):
    """A notebook that becomes a page."""

    def is_documentation_page(self) -> bool:
        """Return that it is one, which its ending doesn't tell."""
        return True


def on_config(config: MkDocsConfig) -> None:
    """Give Markdown the anchors of GitHub, and drawn diagrams."""
    config.mdx_configs["toc"]["slugify"] = anchors.make_anchor
    fence = {"name": "mermaid", "class": "mermaid", "format": draw_diagram}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Make pages of notebooks."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            files.remove(file)
            page = NotebookPage.generated(
                config, file.src_uri, content=format_notebook(file.content_string)
            )
            files.append(page)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Begin a page; in the reference, put the entry of a name in place of its link."""
    anchors.clear()
    # What stands after the language of a fence, GitHub leaves out, and MkDocs takes for prose.
    markdown = re.sub(r"^(```\w+) .*$", r"\1", markdown, flags=re.MULTILINE)
    markdown = TABLE_ROW.sub(unescape_code, markdown)
    if page.file.src_uri == REFERENCE:
        return REFERENCE_ENTRY.sub(r"::: \1\n\n", markdown)
    return markdown


def unescape_code(row: re.Match[str]) -> str:
    r"""Return a row of a table with `|` in code in place of `\|`, which only GitHub needs."""
    return CODE_SPAN.sub(lambda code: code[0].replace(r"\|", "|"), row[0])


def format_notebook(text: str) -> str:
    """Return the cells of a notebook as Markdown, without their output."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(
        f"```python\n{source}\n```" if kind == "code" else source for kind, source in cells
    )


def draw_diagram(source: str, *_: Any, **__: Any) -> str:
    """Return a Mermaid diagram as SVG, so that pages need no script from another host."""
    return f'<div class="diagram">{mermaidx.render(source).svg()}</div>'

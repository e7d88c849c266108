"""Build the documentation site from the Markdown of the repository, where it is.

python -m scripts.make_site build/site
"""

import logging
import shutil
import sys
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parent.parent

SOURCES = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "configs", "examples",
    "results/samples", "results/benchmarks", "results/tables",
)  # fmt: skip


def link_sources(pages: Path) -> None:
    """Fill a folder with links to all pages, in which relative links work as in the repository."""
    shutil.rmtree(pages, ignore_errors=True)
    targets = {source: ROOT / source for source in SOURCES}
    targets["site.css"] = ROOT / "scripts" / "site.css"
    for name, target in targets.items():
        link = pages / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)


def build_site(site: Path) -> None:
    """Build the site as `mkdocs build --strict` does: a warning is an error.

    Args:
        site: The folder to create, or to empty. `pages` beside it gets the links to the pages.

    Raises:
        Abort: Something is wrong with a page; what it is has been logged as a warning.
    """
    pages = site.parent / "pages"
    link_sources(pages)
    config = load_config(
        str(ROOT / "mkdocs.yml"), docs_dir=str(pages), site_dir=str(site), strict=True
    )
    build(config)


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s: %(message)s")
    build_site(Path(sys.argv[1]).resolve())

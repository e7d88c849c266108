"""Draws three digits on the page of `run.py draw` in a browser, and saves a picture of the window.

python -m scripts.draw_digits results/vgg16 draw.png
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.helpers.browsers import MISSING, launch_browser

ROOT = Path(__file__).resolve().parent.parent
SIZE = {"width": 900, "height": 640}

# The mouse's way, in shares of the drawing area: its width, and its height.
STROKES = (
    ((0.14, 0.3), (0.17, 0.17), (0.23, 0.17), (0.26, 0.32), (0.2, 0.58), (0.13, 0.82), (0.28, 0.8)),
    ((0.44, 0.18), (0.43, 0.46), (0.5, 0.42), (0.55, 0.56), (0.5, 0.8), (0.41, 0.77)),
    ((0.44, 0.17), (0.56, 0.15)),
    ((0.74, 0.16), (0.71, 0.56), (0.86, 0.56)),
    ((0.82, 0.36), (0.82, 0.86)),
)


def draw_strokes(window: Page) -> None:
    """Draw with the mouse, as a person does."""
    box = window.locator("canvas").bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
    for stroke in STROKES:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        window.mouse.move(*points[0])
        window.mouse.down()
        for point in points[1:]:
            window.mouse.move(*point, steps=6)
        window.mouse.up()


def photograph_page(run: Path, picture: Path) -> str:
    """Draw on the page of a run, wait for what it reads, and save a picture of it.

    Returns:
        What the page reads.

    Raises:
        RuntimeError: There is no browser, or the page did not start.
    """
    command = [sys.executable, str(ROOT / "run.py"), "draw", "--run", str(run), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lines = iter(server.stdout or ())
        address = next(
            (m[0] for line in lines if (m := re.search(r"http://[\d.]+:\d+", line))), None
        )
        if address is None:
            raise RuntimeError(f"the page did not start: exit code {server.wait()}")
        with sync_playwright() as playwright:
            browser = launch_browser(playwright)
            if browser is None:
                raise RuntimeError(MISSING)
            window = browser.new_page(viewport=SIZE, color_scheme="light")
            window.set_default_timeout(300_000)
            window.goto(address)
            window.locator(".undo:disabled").wait_for()
            draw_strokes(window)
            window.locator(".crops figure").nth(2).wait_for()
            window.mouse.move(0, 0)
            window.screenshot(path=picture)
            read = window.locator(".text").inner_text()
            browser.close()
        return read
    finally:
        server.terminate()
        server.communicate()


def main() -> int:
    """Read the arguments and save the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    print(photograph_page(options.run, options.picture))
    return 0


if __name__ == "__main__":
    sys.exit(main())

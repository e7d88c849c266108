"""The browser that tests look at pages with: whichever of Chromium's kind there is."""

import shutil
from contextlib import suppress

MISSING = "no Chromium, Chrome or Edge was found"

COMMANDS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
    "microsoft-edge-stable",
)  # fmt: skip


def launch_browser(playwright):
    """Starts Playwright's own browser, or one that is installed; `None` where none starts."""
    from playwright.sync_api import Error

    found = [path for path in map(shutil.which, COMMANDS) if path]
    choices = [{}, {"channel": "chrome"}, {"channel": "msedge"}]
    choices += [{"executable_path": path} for path in found]
    for choice in choices:
        # The sandbox needs rights that root, and most containers, have not.
        with suppress(Error):
            return playwright.chromium.launch(args=["--no-sandbox", "--disable-gpu"], **choice)
    return None


def find_violations(page):
    """What axe, the checker of accessibility, finds wrong with a page: rule and first element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]

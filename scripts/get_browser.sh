#!/usr/bin/env bash
# Installs a browser for the tests of web pages, unless there is one: Playwright's, else the system's.
set -euo pipefail
cd "$(dirname "$0")/.."

# Starts a browser as the tests do, and prints its name. Its files go into a folder that is removed.
find_browser() {
  local folder found
  folder=$(mktemp -d)
  found=$(TMPDIR=$folder XDG_CONFIG_HOME=$folder PYTHONPATH=. .venv/bin/python - 2>/dev/null <<'END'
from tests.helpers.browsers import launch_browser
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    if browser := launch_browser(playwright):
        print(browser.browser_type.name.title(), browser.version)
        browser.close()
END
  ) || :
  rm -rf "$folder"
  [[ $found ]] && echo "The tests have a browser: $found."
}

# Without a terminal nobody can type a password.
as_root() {
  if ((UID == 0)); then "$@"; elif [[ -t 0 ]]; then sudo "$@"; else sudo -n "$@"; fi
}

get_playwrights() {
  PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT=10000 .venv/bin/playwright install chromium-headless-shell
}

# Libraries that Playwright's browser needs and that a small system lacks.
get_libraries() { as_root .venv/bin/playwright install-deps chromium-headless-shell; }

# Playwright itself, which drives the browser, needs libatomic.
get_systems() {
  if command -v apt-get; then
    as_root apt-get update -qq || : # Another source than Chromium's may be out of reach.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o DPkg::Lock::Timeout=120 chromium libatomic1
  elif command -v dnf; then
    as_root dnf install -y -q chromium libatomic
  elif command -v pacman; then
    as_root pacman -S --noconfirm --needed chromium
  elif command -v brew; then
    brew install --quiet --cask google-chrome
  else
    return 1
  fi
}

if find_browser; then exit; fi
echo "Getting a browser: Playwright's Chromium ..."
if get_playwrights >/dev/null 2>&1; then
  if find_browser; then exit; fi
  if get_libraries >/dev/null 2>&1 && find_browser; then exit; fi
fi
echo "That didn't work here. Getting the system's Chromium ..."
if get_systems >/dev/null 2>&1 && find_browser; then exit; fi
echo "No browser could be installed. Install Chromium, Chrome or Edge by hand; the tests will find it."
exit 1

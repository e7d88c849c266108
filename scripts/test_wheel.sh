#!/usr/bin/env bash
# Installs a wheel in an empty environment outside the clone, and does with it what a user does first:
# asks for help, trains with a config, looks at the report, starts the drawing page.
#
#   scripts/test_wheel.sh dist/transfer_framework-0.1.0-py3-none-any.whl
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd -P)
wheel=$(cd "$(dirname "$1")" && pwd -P)/$(basename "$1")
folder=$(mktemp -d)
server=
# Ends the page, should it still be served, and removes the folder.
clean_up() {
  if [[ $server ]]; then kill "$server" 2>/dev/null || :; wait "$server" 2>/dev/null || :; fi
  rm -rf "$folder"
}
trap clean_up EXIT

say() { printf '== %s\n' "$*"; }

# Calls the drawing page until it answers, for a minute at most.
ask_page() {
  python - "$1" <<'END'
import re, sys, time, urllib.request
from pathlib import Path

end = time.monotonic() + 60
while not (address := re.search(r"http://\S+?:\d+", Path(sys.argv[1]).read_text())):
    assert time.monotonic() < end, "The drawing page doesn't start."
    time.sleep(0.2)
page = urllib.request.urlopen(address[0], timeout=60).read().decode()
assert "<canvas" in page, page
END
}

"${PYTHON:-python3}" -m venv "$folder/venv"
PATH=$folder/venv/bin:$PATH
unset PYTHONPATH
install() { python -m pip install --quiet --disable-pip-version-check --constraint "$root/constraints.txt" "$1"; }

say "Installing ${wheel##*/} ..."
install "$wheel"
cp "$root/configs/vgg16.json" "$folder"
cd "$folder"
transfer-framework --help >/dev/null
python -m framework --help >/dev/null
transfer-framework list backbones | grep --quiet VGG16

say "Training ..."
transfer-framework --config vgg16.json --output run --set training_config.epochs=1 \
  --set data_config.limit.train=200 --set data_config.limit.test=100
for file in model.keras report.html metrics.json confusion_matrix_test.png; do
  [[ -s run/$file ]] || { say "The run has no $file."; exit 1; }
done

say "Starting the drawing page ..."
install "${wheel}[app]"
transfer-framework draw --run run --port 0 >draw.txt 2>&1 &
server=$!
ask_page draw.txt || { cat draw.txt; exit 1; }
say "The wheel works."

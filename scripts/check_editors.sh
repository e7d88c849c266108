#!/usr/bin/env bash
# Checks the shipped configs, and what is completed in them, with the library that VS Code uses.
# It needs Node.js, and fetches the library from the npm registry.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python run.py schema > "$folder/schema.json"
.venv/bin/python - > "$folder/configs.json" <<'PYTHON'
import json
from pathlib import Path

from framework.config.parse.document import read_document

paths = sorted([*Path("configs").glob("*.json"), *Path("configs").glob("*.yaml")])
print(json.dumps({path.name: read_document(path).values for path in paths}))
PYTHON
cd "$folder"
npm install --silent --no-fund --no-audit vscode-json-languageservice@5 >/dev/null
node "$root/scripts/check_editor_schema.mjs" schema.json < configs.json

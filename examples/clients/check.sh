#!/usr/bin/env bash
# Generates a Python client from the REST contract, in an environment of its own, and compiles and imports it.
set -eu -o pipefail
cd "$(dirname "$0")"

if [ ! -e .venv/.installed ] || [ requirements.lock -nt .venv/.installed ]; then
  rm -rf .venv
  "${PYTHON:-python3}" -m venv .venv
  if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; then
    rm -rf .venv
    echo "skipped: the Python client's generator could not be installed"
    exit 0
  fi
  touch .venv/.installed
fi

made=.venv/norepeat_client
rm -rf "$made"
.venv/bin/openapi-python-client generate --path ../../openapi/openapi.json --output-path "$made" \
  --config config.yml --meta none --overwrite --fail-on-warning
.venv/bin/python -W error -m compileall -q "$made"
PYTHONPATH=.venv .venv/bin/python - <<'END'
import importlib
import pkgutil

import norepeat_client

names = [module.name for module in pkgutil.walk_packages(norepeat_client.__path__, "norepeat_client.")]
for name in names:
    importlib.import_module(name)
assert any(name.endswith("sprint_planning") or ".sprint_planning." in name for name in names), names[:20]
print(f"the generated Python client compiles: {len(names)} modules")
END

#!/bin/sh
# Writes the lock files: hashes for every wheel, and no address of any index.
set -eu
uv="${UV:-.venv/bin/uv}"
"$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
    --all-extras pyproject.toml -o requirements.lock
# The bridge alone, at the same versions.
"$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
    --extra bridge -c requirements.lock pyproject.toml -o requirements-bridge.lock
echo "uv" | "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
    - -o requirements-setup.lock

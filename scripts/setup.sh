#!/bin/sh
# Makes .venv from the hash-locked files, compiles the bytecode once, and sees that a Chromium is there.
set -eu
PYTHON="${PYTHON:-python3}"

"$PYTHON" - <<'PY' || exit 1
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit("WAXOS needs Python 3.11, 3.12 or 3.13; this is %d.%d. Name another one: make setup PYTHON=python3.12" % sys.version_info[:2])
PY

if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "Python's venv module is missing. Install it and run this again: sudo apt-get install -y python3-venv" >&2
    exit 1
fi

free_mb=$(df -Pm . | awk 'NR==2 {print $4}')
if [ "$free_mb" -lt 2500 ]; then
    echo "Set-up needs about 2.5 GB of free disk; there are ${free_mb} MB here. Free some space and run this again." >&2
    exit 1
fi

echo "Setting up WAXOS in .venv (the first time takes a minute or two) ..."
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-setup.lock
# Where the system keeps certificates, those count: a company's proxy is known there and nowhere else.
certs=""
[ -s /etc/ssl/certs/ca-certificates.crt ] && certs="--system-certs"
.venv/bin/uv pip install -q $certs --python .venv/bin/python --require-hashes --compile-bytecode -r requirements.lock
.venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation --no-index -e .
# Our own folders too: with PYTHONDONTWRITEBYTECODE set every start would parse them again.
.venv/bin/python -m compileall -q core domain tools agents graph api desktop_bridge evals ui || true
sh scripts/chromium.sh
touch .venv/.installed
echo "Ready. Try: make demo"

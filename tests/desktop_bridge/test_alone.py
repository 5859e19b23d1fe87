"""The bridge needs nothing but its own extra; scripts/bridge_alone.py shows the same in an environment of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _probe(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_module_imports_with_the_packages_of_the_bridges_lock() -> None:
    done = _probe("from tests.desktop_bridge.alone_probe import main; main()")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40


def test_what_the_lock_does_not_hold_is_not_found() -> None:
    done = _probe(
        "import sys; from tests.desktop_bridge.alone_probe import OnlyTheLock\n"
        "sys.meta_path.insert(0, OnlyTheLock())\n"
        "import playwright, sqlcipher3\n"
        "for name in ('fastapi', 'sqlalchemy', 'litellm', 'domain'):\n"
        "    try: __import__(name)\n"
        "    except ModuleNotFoundError as error: print(error.name)\n"
    )
    assert done.stdout.split() == ["fastapi", "sqlalchemy", "litellm", "domain"], done.stderr

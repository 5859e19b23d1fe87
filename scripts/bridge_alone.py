"""Installs the extra `bridge` alone into a fresh environment, measures it, runs the bridge's own tests there, and prints one JSON line.

`python scripts/bridge_alone.py FOLDER [PYTEST ARGUMENT ...]`; with no argument for pytest no test is run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")
MOST_MB = 250
SERVER = ("fastapi", "sqlalchemy", "psycopg", "celery", "redis", "langgraph", "litellm", "openai", "gradio", "alembic")
TEST_TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis")


def size_mb(folder: Path) -> int:
    """Return what a folder takes on the disk, in MB, each file once."""
    seen = {
        (entry.st_dev, entry.st_ino): entry.st_blocks * 512 for path in folder.rglob("*") for entry in [path.lstat()]
    }
    return round(sum(seen.values()) / 2**20)


def main(folder: Path, tests: list[str]) -> int:
    """Make the environment and judge it; 0 where it is small enough, free of the server, and its tests pass."""
    python = folder / "env" / "bin" / "python"
    _run(UV, "venv", "-q", "--python", sys.executable, folder / "env")
    certificates = ["--system-certs"] if Path("/etc/ssl/certs/ca-certificates.crt").exists() else []
    install = [UV, "pip", "install", "-q", "--link-mode", "copy", "--python", python]
    _run(*install, *certificates, "--require-hashes", "-r", ROOT / "requirements-bridge.lock")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "wheel")
    (wheel,) = (folder / "wheel").glob("*.whl")
    _run(*install, "--no-deps", "--no-index", wheel)
    megabytes = size_mb(folder / "env")
    found: dict[str, object] = {"mb": megabytes, "most_mb": MOST_MB}
    code = f"import importlib.util as u; print(*(n for n in {SERVER!r} if u.find_spec(n)))"
    found["of_the_server"] = _run(python, "-c", code, cwd=folder).split()
    found["commands"] = "sandbox" in _run(python, "-m", "api.cli.main", "bridge", "--help", cwd=folder)
    if tests:
        _run(*install, *certificates, "--constraint", _constraints(folder), *TEST_TOOLS)
        found["tests"] = subprocess.call(  # noqa: S603 - our own command
            [python, "-m", "pytest", "--confcutdir", "tests/desktop_bridge", "-p", "no:cacheprovider", *tests],
            cwd=ROOT, stdout=sys.stderr, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")
    good = megabytes <= MOST_MB and not found["of_the_server"] and found["commands"] and not found.get("tests")
    return 0 if good else 1


def _constraints(folder: Path) -> Path:
    """Return the versions of requirements.lock without their hashes, for the tools that are no part of the extra."""
    pins = [line.split(" \\")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    path = folder / "constraints.txt"
    path.write_text("\n".join(pins))
    return path


def _run(*command: object, cwd: Path = ROOT) -> str:
    words = [str(part) for part in command]
    return subprocess.run(words, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - our own command


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))

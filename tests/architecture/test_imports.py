"""The import contracts of pyproject.toml hold, and a breach of each would be seen."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, folders, modules, project, relative

BREACHES = {
    "folders depend downward only": ("domain/chats/service.py", "import graph"),
    "inside core": ("core/security/keys.py", "import core.db.session"),
    "ui is a client of the public API": ("ui/__init__.py", "import core.db.session"),
    "the bridge runs without the server": ("desktop_bridge/__init__.py", "import domain.chats.service"),
    "agents know neither database nor graph": ("agents/ports.py", "import sqlalchemy"),
    "the AAL knows neither database nor Redis": ("core/aal/ports.py", "import redis"),
    "langgraph is spoken in graph": ("agents/ports.py", "import langgraph"),
    "litellm is loaded in core.aal": ("tools/__init__.py", "import litellm"),
    "gradio is spoken in ui": ("api/__init__.py", "import gradio"),
    "celery is spoken in core.jobs": ("graph/__init__.py", "import celery"),
    "playwright is spoken in desktop_bridge": ("tools/__init__.py", "import playwright"),
}
CONTRACTS = [contract["name"] for contract in project()["tool"]["importlinter"]["contracts"]]


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree with every module empty: what a breach is planted in."""
    root = tmp_path_factory.mktemp("skeleton")
    (root / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for path in modules(*folders()):
        empty = root / relative(path)
        empty.parent.mkdir(parents=True, exist_ok=True)
        empty.touch()
    return root


def test_contracts_hold() -> None:
    """All arrows point where the design says."""
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_every_contract_sees_its_breach(skeleton: Path) -> None:
    """With one breach of each planted, each contract is broken, and by nothing before."""
    assert sorted(BREACHES) == sorted(CONTRACTS), "plant a breach for each contract"
    assert _lint(skeleton).returncode == 0
    for path, statement in BREACHES.values():
        with (skeleton / path).open("a") as module:
            module.write(f"{statement}\n")
    result = _lint(skeleton)
    assert result.returncode == 1
    assert {name for name in CONTRACTS if f"{name} BROKEN" in result.stdout} == set(CONTRACTS), result.stdout

"""What is installed is ours, whole, and nothing else: names, the wheel, the environment and its locks."""

import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, folders, project, relative

KNOWN_PTH = frozenset({"_editable_impl_waxos.pth", "distutils-precedence.pth", "_virtualenv.pth"})
"""Files that Python runs at every start: our own editable install, and those of setuptools and virtualenv."""

STOLEN_LITELLM = frozenset({"1.82.7", "1.82.8"})
"""Releases that stole credentials, one of them through a start-up file."""

LOCKS = ("requirements.lock", "requirements-setup.lock", "requirements-bridge.lock")
_REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;]+)(?: ; [^\\]+)? \\\n(?P<hashes>(?: {4}--hash=\S+(?: \\)?\n)+)"
)
_HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}(?: \\)?")


def test_our_folders_are_ours(tmp_path: Path) -> None:
    """No other distribution brings a package of these names, and each is found in this tree from anywhere."""
    rivals = packages_distributions()
    assert {folder: rivals[folder] for folder in folders() if set(rivals.get(folder, [])) - {"waxos"}} == {}
    code = "import importlib.util, json, sys; print(json.dumps([importlib.util.find_spec(n).origin for n in sys.argv[1:]]))"
    found = subprocess.run(
        [sys.executable, "-I", "-c", code, *folders()], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(found.stdout) == [str(ROOT / folder / "__init__.py") for folder in folders()]


def test_the_wheel_is_complete(tmp_path: Path) -> None:
    """It holds each file of each folder, data files too, and nothing but that."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.startswith("waxos-")}
    assert packed == {name for name in map(relative, files()) if name.split("/")[0] in folders()}


def test_no_unknown_code_runs_at_start() -> None:
    """A `.pth` file in site-packages runs before anything else; only known ones are there."""
    found = {path.name for path in Path(sysconfig.get_path("purelib")).glob("*.pth")}
    assert found - KNOWN_PTH == set()


def test_litellm_is_none_of_the_stolen_releases() -> None:
    """Neither installed nor locked."""
    locked = dict(re.findall(r"(?m)^(litellm)==(\S+)", (ROOT / "requirements.lock").read_text()))
    assert locked["litellm"] == version("litellm")
    assert not {version("litellm"), locked["litellm"]} & STOLEN_LITELLM


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_hashes_and_no_addresses(name: str) -> None:
    """Every line belongs to a pinned requirement with SHA-256 hashes; none says where to download it."""
    text = (ROOT / name).read_text()
    assert _REQUIREMENT.sub("", text).strip() == ""
    for match in _REQUIREMENT.finditer(text):
        assert all(_HASH.fullmatch(line) for line in match["hashes"].splitlines()), match["name"]
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|--trusted-host| @ ", text)


def test_the_lock_covers_what_is_asked_for() -> None:
    """Every direct requirement of pyproject.toml, of all extras, is in the lock."""
    asked = list(project()["project"]["dependencies"])
    for extra in project()["project"]["optional-dependencies"].values():
        asked += extra
    names = {re.split(r"[\[<>=!~; ]", item)[0].lower().replace("_", "-") for item in asked}
    locked = {match["name"] for match in _REQUIREMENT.finditer((ROOT / "requirements.lock").read_text())}
    assert names - locked == set(), "run: make lock"


def test_the_bridges_lock_is_a_part_of_the_whole() -> None:
    """It covers what the bridge asks for, at the versions of the other lock, and nothing of the server or of AI."""
    whole, bridge = (
        {match["name"]: match["version"] for match in _REQUIREMENT.finditer((ROOT / name).read_text())}
        for name in ("requirements.lock", "requirements-bridge.lock")
    )
    wanted = project()["project"]
    asked = [*wanted["dependencies"], *wanted["optional-dependencies"]["bridge"]]
    names = {re.split(r"[\[<>=!~; ]", item)[0].lower().replace("_", "-") for item in asked}
    assert names - set(bridge) == set(), "run: make lock"
    assert {name: version for name, version in bridge.items() if whole.get(name) != version} == {}
    assert not {"fastapi", "sqlalchemy", "psycopg", "celery", "redis", "langgraph", "litellm", "gradio"} & set(bridge)

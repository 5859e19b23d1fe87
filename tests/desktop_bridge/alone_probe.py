"""Run as a program: imports every module of the bridge while nothing but the distributions of its own lock can be found.

The full form, in an environment of its own: `python scripts/bridge_alone.py FOLDER tests/desktop_bridge`.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
OURS = {"api", "core", "desktop_bridge", "waxos"}


class OnlyTheLock(MetaPathFinder):
    """Hides what the lock does not hold."""

    def __init__(self) -> None:
        lock = (ROOT / "requirements-bridge.lock").read_text()
        self._locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", lock)) | OURS
        self._brought = packages_distributions()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Refuse a module of a distribution that the bridge does not ask for."""
        del path, target
        top = name.split(".")[0]
        owners = {re.sub(r"[-_.]+", "-", one).lower() for one in self._brought.get(top, [])}
        hidden = bool(owners) and top not in OURS and not owners & self._locked
        if hidden or top in {"domain", "tools", "agents", "graph", "evals", "ui"}:
            raise ModuleNotFoundError(f"{top} is not in requirements-bridge.lock", name=top)
        return None


def main() -> None:
    """Import, then print how many modules that were."""
    sys.meta_path.insert(0, OnlyTheLock())
    package = importlib.import_module("desktop_bridge")
    names = [found.name for found in pkgutil.walk_packages(package.__path__, "desktop_bridge.")]
    for name in [*names, "api.cli.main"]:
        importlib.import_module(name)
    sys.stdout.write(f"{len(names)}\n")


if __name__ == "__main__":
    main()

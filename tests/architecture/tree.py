"""The tree of the project as the rules see it: its folders, its files, its modules and their syntax trees."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_NOT_OURS = frozenset({"var", "dist", "build", "node_modules", "__pycache__", ".git", ".env"})
_DOT_FOLDERS_OF_OURS = frozenset({".ci"})


@cache
def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def folders() -> list[str]:
    """Return the top-level folders that are shipped, as pyproject.toml lists them for the wheel."""
    listed: list[str] = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return listed


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            if path.name not in _NOT_OURS:
                yield path
        elif path.name in _NOT_OURS or path.name.endswith(".egg-info"):
            continue
        elif not path.name.startswith(".") or path.name in _DOT_FOLDERS_OF_OURS:
            yield from _walk(path)


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the project, without environments, caches and what a running desk writes."""
    return tuple(path for path in _walk(ROOT) if path.suffix not in {".pyc", ".sqlite", ".db"})


@cache
def texts() -> dict[str, str]:
    """Return the content of every text file by its path from the root."""
    found: dict[str, str] = {}
    for path in files():
        try:
            found[relative(path)] = path.read_text()
        except UnicodeDecodeError:
            continue
    return found


def modules(*tops: str) -> list[Path]:
    """Return the Python files of these top-level folders, of all that are shipped where none is named."""
    wanted = tops or tuple(folders())
    return [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in wanted]


def relative(path: Path) -> str:
    """Return the path from the root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    """Return the name that a module is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_migration(path: Path) -> bool:
    """Tell a schema migration: a record of what was done, long because schemas are, and never edited afterwards."""
    return relative(path).startswith("domain/migrations/versions/")


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(), filename=relative(path))

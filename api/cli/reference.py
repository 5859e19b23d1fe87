"""Writes docs/settings.md from the descriptions in the code."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.settings import Settings

_HEAD = """# Settings

Every setting is an environment variable. A name that is not in this list stops the start, and so does a value that looks like a
placeholder: a misspelt name or a forgotten secret never falls back to a default in silence. Lists are written as JSON.

This page is made by `waxos settings --write docs/settings.md` from the descriptions in `core/settings.py`.
"""


def show(
    write: Annotated[Path | None, typer.Option(help="Write the page to this file instead of showing it.")] = None,
) -> None:
    """Show every setting with its default and what it does."""
    page = settings_page()
    if write is None:
        typer.echo(page, nl=False)
    else:
        write.write_text(page, encoding="utf-8")


def settings_page() -> str:
    """Return the reference of all settings in Markdown."""
    groups: dict[str, list[str]] = {}
    for name, info in Settings.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows = [_row(f"WAXOS_{name}__{inner}", field) for inner, field in kind.model_fields.items()]
            groups[(kind.__doc__ or name).strip().rstrip(".")] = rows
        else:
            groups.setdefault("The desk as a whole", []).append(_row(f"WAXOS_{name}", info))
    parts = [
        f"## {title}\n\n| variable | default | what it does |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
        for title, rows in groups.items()
    ]
    return "\n".join([_HEAD, *parts])


def _row(name: str, info: FieldInfo) -> str:
    return f"| `{name.upper()}` | {_default(info.default)} | {(info.description or '').replace('|', '/')} |"


def _default(value: Any) -> str:
    if value is None or value is PydanticUndefined or value == []:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"

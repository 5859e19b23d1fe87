"""Writes docs/commands.md: every command of `waxos` with its arguments and options, read from the Typer apps themselves."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import typer

HEAD = """# Commands

`.venv/bin/waxos` is the command line; `--help` after any command shows its part of this page. Commands that report take `--json`.
Exit codes: 0 done, 1 failed, 2 used wrongly or cannot start as it is set up, 130 interrupted.

This page is made by `make docs` from the commands themselves.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, in order."""
    for point in sorted(entry_points(group="waxos.commands"), key=lambda item: item.name):
        loaded: typer.Typer | Callable[..., None] = point.load()
        root = typer.Typer(add_completion=False)
        if isinstance(loaded, typer.Typer):
            root.add_typer(loaded, name=point.name)
            root.command("-")(lambda: None)  # a second command, so that Typer keeps the group
            yield from _walk(f"waxos {point.name}", typer.main.get_command(root).commands[point.name])  # type: ignore[attr-defined]
        else:
            root.command(point.name)(loaded)
            yield from _walk(f"waxos {point.name}", typer.main.get_command(root))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, inner in sorted(children.items()):
        yield from _walk(f"{name} {child}", inner)


def _section(name: str, command: Any) -> str:
    parameters = [p for p in command.params if p.name != "help" and not getattr(p, "hidden", False)]
    arguments = " ".join((p.metavar or p.name.upper()) for p in parameters if p.param_type_name == "argument")
    lines = [f"## `{' '.join([name, arguments]).strip()}`", "", " ".join((command.help or "").split())]
    rows = [f"| {_names(p)} | {_meaning(p)} |" for p in parameters]
    if rows:
        lines += ["", "| | |", "| --- | --- |", *rows]
    return "\n".join(lines) + "\n"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name.upper())}`"
    return ", ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts])


def _meaning(parameter: Any) -> str:
    default = parameter.default
    plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    text = " ".join((getattr(parameter, "help", None) or "").split())
    return f"{text} Default: `{default}`." if plain else text


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands())])


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "commands.md").write_text(page(), encoding="utf-8")

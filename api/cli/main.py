"""The `waxos` command. Every command is an entry point of the group `waxos.commands`: a Typer app becomes a group of commands, a
function one command. Only the one that is called is imported, so that help and a wrong name answer at once.

Exit codes: 0 done, 1 failed, 2 used wrongly or cannot start as it is set up, 130 interrupted.
"""

import ast
import gc
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Annotated

import typer

from core.errors import SetupError, WaxosError

GROUP = "waxos.commands"
FAILED, CANNOT_START, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. An error is one line of what happened and one of what to do, never a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        typer.main.get_command(_root(given))(args=given, prog_name="waxos")
    except WaxosError as error:
        _say(error)
        sys.exit(CANNOT_START if isinstance(error, SetupError) else FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ImportError as error:
        _say(SetupError(f"{error.name or error} is not installed", hint="install the missing part: make setup"))
        sys.exit(CANNOT_START)


def _root(given: Sequence[str]) -> typer.Typer:
    root = typer.Typer(name="waxos", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    root.callback(help="The AI desk for businesses that talk with their customers on WhatsApp.")(_options)
    called = next((word for word in given if not word.startswith("-")), None)
    points = {point.name: point for point in entry_points(group=GROUP)}
    if called in points:
        root.command("help", hidden=True)(_nothing)  # Typer folds a lone command into the root
        _mount(root, points[called])
        return root
    for name in sorted(points):
        root.command(name, help=_first_line(points[name]))(_nothing)
    return root


def _mount(root: typer.Typer, point: EntryPoint) -> None:
    # What is loaded stays for good: looking it over again and again would take a sixth of the start.
    gc.disable()
    loaded: typer.Typer | Callable[..., None] = point.load()
    gc.freeze()
    gc.enable()
    if isinstance(loaded, typer.Typer):
        root.add_typer(loaded, name=point.name)
    else:
        root.command(point.name)(loaded)


def _first_line(point: EntryPoint) -> str:
    """Return the first line of a module's docstring, read without importing the module."""
    try:
        spec = importlib.util.find_spec(point.module)
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        return "(not installed)"
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _options(
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if show_version:
        typer.echo(version("waxos"))
        raise typer.Exit


def _nothing() -> None:
    """Stand for a command that was not called."""


def _say(error: WaxosError) -> None:
    typer.echo(f"error: {error.detail}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)


if __name__ == "__main__":
    main()

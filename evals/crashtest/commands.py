"""`waxos crashtest`: prints one JSON line with the figures; progress goes to stderr, so that it can run unattended."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from evals.crashtest.run import QUIET_S, Ask, crash
from evals.crashtest.two import TwoAsk, two_bridges

_KEEP = "Folder of the desk, kept for its logs; a temporary one otherwise."


def crashtest(
    sends: Annotated[
        int, typer.Option(min=4, help="Messages to approve; with --two-bridges enough for the stops.")
    ] = 50,
    seed: Annotated[int, typer.Option(help="Of all chance: what is said, what goes wrong, who is killed when.")] = 1,
    kills: Annotated[
        int | None, typer.Option(min=0, help="Processes to kill; one for every two sends if unset.")
    ] = None,
    quiet: Annotated[
        float, typer.Option(min=1, help="Seconds in which nothing may arrive before the verdict.")
    ] = QUIET_S,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="After so many no new sends are given out; the verdict follows.")
    ] = None,
    two: Annotated[
        bool, typer.Option("--two-bridges", help="Stop and wake the holder of two bridges instead of killing.")
    ] = False,
    stops: Annotated[int, typer.Option(min=1, help="With --two-bridges: how often the holder is stopped.")] = 20,
    home: Annotated[Path | None, typer.Option(help=_KEEP)] = None,
    out: Annotated[Path | None, typer.Option(help="A file that gets the JSON line too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of a list.")] = False,
) -> None:
    """Kill every process of a whole desk while it sends, or stop and wake one bridge of two, and count what the phones received."""
    with tempfile.TemporaryDirectory(prefix="waxos-crashtest-") as folder:
        try:
            place = (home or Path(folder)) / "desk"
            if two:
                figures = asyncio.run(two_bridges(TwoAsk(stops, seed, quiet, minutes), place, _tell))
            else:
                ask = Ask(sends, -(-sends // 2) if kills is None else kills, seed, quiet, minutes)
                figures = asyncio.run(crash(ask, place, _tell))
        except asyncio.CancelledError:
            raise typer.Exit(130) from None
    line = json.dumps(figures, ensure_ascii=False)
    if out is not None:
        out.write_text(line + "\n", encoding="utf-8")
    typer.echo(line if as_json else _list(figures))
    if figures["duplicates"] or figures["lost"] or figures["wrong_chat"] or figures["faults"]:
        raise typer.Exit(1)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _list(figures: dict[str, Any]) -> str:
    return "\n".join(f"{name:<34}{json.dumps(value, ensure_ascii=False)}" for name, value in figures.items())

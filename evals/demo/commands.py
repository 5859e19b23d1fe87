"""`waxos demo`: plays the story on a real desk of its own, prints the timeline, leaves report and pictures in var/demo."""

import asyncio
import json
import shutil
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from core.errors import SetupError
from evals.demo.desk_api import DeskApi
from evals.demo.desk_process import DeskAddresses, DeskProcess, memory_mb, restart_seconds
from evals.demo.pages import Pages
from evals.demo.story import KNOWLEDGE, QUESTION, UNKNOWN, Story, measure_drafts, overhead_ms, own_work_ms
from evals.demo.timeline import Timeline

ROUNDS = 20
LIMITS: dict[str, float] = {
    "total_s": 40,
    "story_s": 15,
    "api_ready_s": 2,
    "api_mb": 150,
    "worker_mb": 600,
    "browser_mb": 600,
    "graph_overhead_p95_ms": 60,
    "draft_own_p95_ms": 60,
}
"""What each figure is meant to stay under; the report shows both."""


def demo(
    knowledge: Annotated[Path | None, typer.Option(help="A file of yours in place of the demo's knowledge.")] = None,
    question: Annotated[str | None, typer.Option(help="What the first customer asks.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report and the pictures.")] = Path("var/demo"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON object and nothing else.")
    ] = False,
) -> None:
    """Play the whole story: a customer asks, the desk drafts, staff approve, the bridge sends, the ticks come back."""
    if knowledge is not None and not knowledge.is_file():
        raise SetupError(
            f"There is no file {knowledge}.", hint="Name a file that can be read: make demo KNOWLEDGE=path"
        )
    report = asyncio.run(_play(knowledge, question, out, as_json))
    if as_json:
        typer.echo(json.dumps(report))


async def _play(knowledge: Path | None, question: str | None, out: Path, quiet: bool) -> dict[str, Any]:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    timeline = Timeline(quiet=quiet)
    timeline.heading(
        "Starting a desk of its own: Postgres, Valkey, API, worker, panel, bridge and the sandbox chat page"
    )
    process = DeskProcess(out / "desk")
    try:
        desk = await process.start()
        timeline.say(
            "ready", "everything answers: " + ", ".join(f"{name} {s:.1f} s" for name, s in desk.ready_s.items())
        )
        report = await _tell(desk, timeline, out, knowledge, question)
    finally:
        await process.stop()
    report["figures"]["total_s"] = round(timeline.elapsed_s(), 2)
    report["limits"] = LIMITS
    (out / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    if not quiet:
        _print_figures(report, out)
    return report


async def _tell(
    desk: DeskAddresses, timeline: Timeline, out: Path, knowledge: Path | None, question: str | None
) -> dict[str, Any]:
    admin = next(login for login in desk.logins if login["role"] == "admin")
    staff = next(login for login in desk.logins if login["role"] == "staff")
    async with DeskApi(desk.api) as api, Pages.opened(desk.browser, out) as pages:
        await api.sign_in(admin["email"], admin["password"])
        panel, business = await asyncio.gather(
            pages.panel(desk.panel, staff["email"], staff["password"]), pages.open(desk.sandbox, width=1100)
        )
        timeline.heading("The story")
        timeline.say("panel", f"{staff['email']} is signed in")
        began = timeline.elapsed_s()
        story = Story(desk, api, pages, timeline)
        await story.teach(knowledge or KNOWLEDGE)
        await story.ask("Anna Duarte", question or QUESTION, panel, must_know=knowledge is None and question is None)
        timeline.heading("A second customer asks what the knowledge does not say")
        await story.ask("Ben Okoro", UNKNOWN, panel, must_know=False)
        story_s = timeline.elapsed_s() - began
        await business.locator("#pane-side [role=row]", has_text="Anna Duarte").first.click()
        await business.locator("#main [data-id]").first.wait_for()
        story.told.pictures.append(await pages.picture(business, "chat"))
        memory = memory_mb(desk.pids)
        drafts = story.told.timings + await measure_drafts(api, ROUNDS)
    port = urlsplit(desk.api).port or 80
    api_ready_s = await restart_seconds(desk.pids["api"], port, f"{desk.api}/health")
    timeline.say(
        "killed", f"the API was killed with SIGKILL; its successor answered {api_ready_s:.1f} s after its start"
    )
    return {
        "story": [asdict(step) for step in timeline.steps],
        "exchanges": story.told.exchanges,
        "pictures": story.told.pictures,
        "ready_s": desk.ready_s,
        "memory_mb": memory,
        "figures": {
            "story_s": round(story_s, 2),
            "api_ready_s": api_ready_s,
            "api_mb": memory["api"],
            "worker_mb": memory["worker"],
            "browser_mb": memory["browser"],
            **_spread("graph_overhead", [overhead_ms(timings) for timings in drafts]),
            **_spread("draft_own", [own_work_ms(timings) for timings in drafts]),
        },
    }


def _spread(name: str, values: list[float]) -> dict[str, float]:
    return {
        f"{name}_p50_ms": round(statistics.median(values), 1),
        f"{name}_p95_ms": round(statistics.quantiles(values, n=20, method="inclusive")[-1], 1),
    }


def _print_figures(report: dict[str, Any], out: Path) -> None:
    typer.echo("\nFigures (measured, limit):")
    for name, value in report["figures"].items():
        limit = report["limits"].get(name)
        mark = "" if limit is None else f"  (limit {limit:g}{'' if value <= limit else ', MISSED'})"
        typer.echo(f"  {name:<18} {value:>8}{mark}")
    typer.echo(f"\nReport: {out / 'report.json'}   Pictures: {', '.join(report['pictures'])}")

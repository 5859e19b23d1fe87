"""Looks at the AI providers of this desk: the chain with its health, a real call to each, and a drill of the fallback."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer

from core.aal import AalStatus, build_aal
from core.aal.drill import Tried, drill, try_each
from core.errors import SetupError
from core.settings import Settings, load_settings
from domain.usage.circuits import shared_circuits

app = typer.Typer(help="The AI providers of this desk.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON, an object a line.")]
_NONE = "No AI provider is set up: drafts are made of the business's own sentences. See docs/add-an-ai-key.md."


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the chain in the order it is asked, what is known of each provider, and which of them rest; asks no provider.

    Which rest is what all processes know by the Redis of WAXOS_REDIS_URL; without that setting nothing is known of it.
    """
    settings = load_settings()
    found = asyncio.run(_status(settings))
    if as_json:
        for link in found.chain:
            typer.echo(link.model_dump_json())
        return
    if not found.chain:
        typer.echo(_NONE)
    for number, link in enumerate(found.chain, start=1):
        typer.echo(f"{number}. {link.title}, {link.model}")
        if settings.redis_url is not None:
            rests = f"rests for {link.resting_seconds:.0f} s more after failing" if link.resting_seconds else "is asked"
            typer.echo(f"   health     {rests}")
        trains = {"yes": "yes", "no": "no"}.get(link.trains, "not known, which counts as yes")
        typer.echo(f"   trains on what it reads: {trains}; keeps it (days): {link.keeps_days}; region: {link.region}")
        typer.echo(f"   source     {link.source} ({link.source_date})")
        if not link.price_known:
            typer.echo("   price      not known to the catalog: its calls count as free")
    typer.echo(f"sentences are judged by {found.embedder}; catalog of {found.catalog_version}")


@app.command(name="test")
def ask_each(as_json: AsJson = False) -> None:
    """Make one real call to each provider of the chain; exit code 1 where one of them does not answer as a draft needs it.

    What is sent is one sentence of our own, no customer's. It costs what such a call costs.
    """
    found = asyncio.run(try_each(_configured(load_settings()).aal))
    _tell(found, as_json)
    raise typer.Exit(0 if all(one.answered_by for one in found) else 1)


@app.command(name="drill")
def force(as_json: AsJson = False) -> None:
    """Make the first providers of the chain fail, one more each time, and show who answers in their place; at last nobody does.

    The failures are made here: a provider that is made to fail is not asked. Exit code 1 where a fallback does not answer.
    """
    found = asyncio.run(drill(_configured(load_settings()).aal))
    _tell(found, as_json)
    fallbacks, nobody = found[:-1], found[-1]
    raise typer.Exit(0 if all(one.answered_by for one in fallbacks) and nobody.answered_by is None else 1)


async def _status(settings: Settings) -> AalStatus:
    return await build_aal(settings.aal, cooldowns=shared_circuits(settings)).status()


def _configured(settings: Settings) -> Settings:
    if not (settings.aal.chain or _status_of(settings).chain):
        raise SetupError("no AI provider is set up", hint="docs/add-an-ai-key.md says how to add a key")
    return settings


def _status_of(settings: Settings) -> AalStatus:
    return asyncio.run(_status(settings.model_copy(update={"redis_url": None})))


def _tell(found: Sequence[Tried], as_json: bool) -> None:
    for one in found:
        if as_json:
            typer.echo(json.dumps(one.model_dump(mode="json")))
            continue
        typer.echo(f"{', '.join(one.forced)} made to fail:" if one.forced else f"{', '.join(one.asked)}:")
        if one.answered_by:
            cost = f"{one.cost_micro / 1_000_000:.6f} USD" if one.price_known else "price not known"
            typer.echo(
                f"   {one.answered_by} answered after {one.latency_ms} ms, {one.tokens_in}+{one.tokens_out} tokens, {cost}"
            )
        else:
            typer.echo(f"   nobody answered after {one.latency_ms} ms: {one.fault}")
            if one.hint:
                typer.echo(f"   hint: {one.hint}")

"""The command that serves the sandbox by itself."""

import asyncio
import json
import secrets
import signal
from typing import Annotated

import typer

from core.errors import SetupError
from desktop_bridge.sandbox.running import run_sandbox

app = typer.Typer(help="A local page that behaves like WhatsApp Web.", no_args_is_help=True)


async def serve(port: int, token: str, *, as_json: bool = False) -> None:
    """Serves the sandbox until Ctrl-C or a termination signal and prints where it is. Raises OSError (port in use)."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    async with run_sandbox(port, token) as sandbox:
        addresses = {"business": f"{sandbox.url}/", "customer": sandbox.customer_url("Customer"), "token": token}
        if as_json:
            typer.echo(json.dumps(addresses))
        else:
            typer.echo(f"Business page  {addresses['business']}")
            typer.echo(f"Customer page  {addresses['customer']}  (any other name makes another contact)")
            typer.echo(f"Control token  {token}")
            typer.echo("Ctrl-C stops it. Nothing is kept.")
        await stopped.wait()


@app.command("sandbox")
def sandbox(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.")] = 8900,
    token: Annotated[str, typer.Option(help="Protects the control hook; random if empty.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON line.")] = False,
) -> None:
    """Serves the sandbox chat: the business's page and a page for each customer."""
    try:
        asyncio.run(serve(port, token or secrets.token_urlsafe(24), as_json=as_json))
    except OSError as error:
        raise SetupError(
            f"Port {port} on 127.0.0.1 cannot be used: {error.strerror}.",
            hint="Name another one, or a free one with --port 0.",
        ) from error

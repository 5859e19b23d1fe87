"""`waxos ui`: serves the panel."""

import importlib
from typing import Annotated

import typer

from core.listening import listen
from core.settings import load_settings
from core.telemetry import configure_logging

app = typer.Typer(help="The panel for staff, admins and owners.")


@app.callback(invoke_without_command=True)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind; WAXOS_UI__HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, 0 for any free one; WAXOS_UI__PORT otherwise.")] = None,
) -> None:
    """Serve the panel until it is stopped. It is a client of the API at WAXOS_UI__API_URL and needs nothing else."""
    settings = load_settings()
    configure_logging(settings, process="ui")
    listener = listen(
        host or settings.ui.host, settings.ui.port if port is None else port, what="the panel", setting="WAXOS_UI__"
    )
    address = listener.getsockname()
    typer.echo(f"Panel: http://{address[0]}:{address[1]}/")
    # Imported only now: the port is open already, and the other commands do not wait for a web framework.
    uvicorn = importlib.import_module("uvicorn")
    create_app = importlib.import_module("ui.app").create_app
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=65536,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listener])

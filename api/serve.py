"""Serves the HTTP API."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

import structlog
import typer
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.memory import return_large_buffers
from core.errors import WaxosError
from core.listening import listen
from core.settings import load_settings
from core.telemetry import configure_logging

_log = structlog.get_logger(__name__)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind; WAXOS_API__HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port, 0 for any free one; WAXOS_API__PORT otherwise.")] = None,
) -> None:
    """Serve the API until it is stopped."""
    return_large_buffers()
    settings = load_settings()
    configure_logging(settings, process="api")
    listener = listen(
        host or settings.api.host, settings.api.port if port is None else port, what="the API", setting="WAXOS_API__"
    )
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=65_536,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
            lifespan="on",
        )
    )
    failures = _keep_failure(app, server)
    address = listener.getsockname()
    _log.info("api.listening", host=address[0], port=address[1])
    server.run(sockets=[listener])
    if failures:
        raise failures[0]


def _keep_failure(app: FastAPI, server: uvicorn.Server) -> list[WaxosError]:
    """Let an error of the start end the server quietly and be told by us, instead of in uvicorn's traceback."""
    failures: list[WaxosError] = []
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(served: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        opened = inner(served)
        try:
            state = await opened.__aenter__()
        except WaxosError as error:
            failures.append(error)
            server.should_exit = True
            yield {}
            return
        try:
            yield state
        finally:
            await opened.__aexit__(*sys.exc_info())

    app.router.lifespan_context = cast(Any, lifespan)
    return failures

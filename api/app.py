"""The application: what is around it, what is in it, and what it holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from api.errors import install_handlers
from api.idempotency import HEADER, REPLAYED, IdempotentActs
from api.middleware import RequestEdge
from api.openapi import describe, first_operation_id, operation_id
from api.resources import Resources, open_resources
from api.routes.accounts.endpoints import router as accounts
from api.routes.bridge.endpoints import router as bridge
from api.routes.byok.endpoints import router as byok
from api.routes.channels.endpoints import router as channels
from api.routes.chats.endpoints import router as chats
from api.routes.chats.files import router as chat_files
from api.routes.devices.endpoints import router as devices
from api.routes.drafts.endpoints import router as drafts
from api.routes.events.endpoints import router as events
from api.routes.health.endpoints import router as health
from api.routes.history.endpoints import router as history
from api.routes.knowledge.endpoints import router as knowledge
from api.routes.proposals.endpoints import router as proposals
from api.routes.sends.endpoints import router as sends
from api.routes.usage.endpoints import router as usage
from core.settings import Settings

PREFIX = "/api/v1"
_NOUNS = (
    accounts, chats, chat_files, drafts, sends, channels, devices, bridge, byok, knowledge, proposals, history, usage, events,
)  # fmt: skip


def create_app(settings: Settings) -> FastAPI:
    """Build the API. Nothing is opened before the server starts it; opening may raise SetupError."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[Resources]:
        async with open_resources(settings) as resources:
            yield resources

    app = FastAPI(
        title="WAXOS",
        summary="The AI desk for businesses that talk with their customers on WhatsApp.",
        version=version("waxos"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        generate_unique_id_function=operation_id,
        middleware=_around(settings),
    )
    install_handlers(app)
    describe(app)
    api = APIRouter(prefix=PREFIX)
    for router in _NOUNS:
        api.include_router(router)
    # Their first address; within v1 none goes away.
    api.include_router(proposals, prefix="/history", deprecated=True, generate_unique_id_function=first_operation_id)
    app.include_router(api)
    app.include_router(health)
    return app


def _around(settings: Settings) -> list[Middleware]:
    over_tls = (settings.public_url or "").startswith("https://")
    around = [Middleware(RequestEdge, over_tls=over_tls, upload_bytes=settings.api.max_upload_mb * 1024 * 1024)]
    if settings.api.cors_origins:
        around.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.api.cors_origins,
                allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
                allow_headers=["Authorization", "Content-Type", HEADER, "X-Request-Id"],
                expose_headers=["X-Request-Id", "Retry-After", REPLAYED],
                max_age=600,
            )
        )
    return [*around, Middleware(IdempotentActs)]

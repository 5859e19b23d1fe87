"""Is the process alive, and is it ready to serve."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import APIRouter, Response
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from api.deps import Res
from api.resources import MIGRATIONS, Resources
from core.contracts.base import Liveness, Readiness
from core.db.migrate import current_revision, newest_revision
from core.db.roles import refuse_powerful_role
from core.errors import SetupError

router = APIRouter(tags=["health"])
_CHECK_S = 2.0


@router.get("/health", summary="Is the process alive")
async def health() -> Liveness:
    """Answer as long as the process can; asks nobody else."""
    return Liveness(status="ok", version=version("waxos"))


@router.get(
    "/ready",
    summary="Is it ready to serve",
    responses={
        503: {"model": Readiness, "description": "something that is needed does not answer; `checks` says what"}
    },
)
async def ready(res: Res, response: Response) -> Readiness:
    """Ask database, role, migrations and Redis, two seconds at most each. 503 unless all are well."""
    named = {
        "database": _revision(res),
        "role": refuse_powerful_role(res["db"].engine),
        "redis": _ping(res),
    }
    answers = await asyncio.gather(*(_answer(check) for check in named.values()))
    checks = dict(zip(named, answers, strict=True))
    well = all(answer == "ok" for answer in answers)
    response.status_code = 200 if well else 503
    return Readiness(status="ok" if well else "not ready", checks=checks, at=datetime.now(UTC))


async def _answer(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_CHECK_S):
            await check
    except SetupError as error:
        return error.detail
    except TimeoutError:
        return f"no answer within {_CHECK_S:g} s"
    except (SQLAlchemyError, RedisError, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    return "ok"


async def _revision(res: Resources) -> None:
    found, needed = await current_revision(res["db"].engine), newest_revision(MIGRATIONS)
    if found is None or found < needed:
        raise SetupError(f"the database is at revision {found or 'none'}, this build needs {needed}")


async def _ping(res: Resources) -> None:
    await res["redis"].ping()

"""A process of its own that meets every fault with logs at their loudest: `python -m tests.core.aal.quiet_run CHAIN` prints what it saw.

The audit hook stands before the first import of LiteLLM, so that look-ups at import time are seen too.
"""

import asyncio
import json
import os
import sys
from typing import Any


async def run(chain: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask twice: the first time everybody fails."""
    from pydantic_ai import Agent  # noqa: PLC0415 - after the hook

    from core.aal import CallLog, Purpose, build_aal  # noqa: PLC0415
    from core.aal.errors import NoProviderAnswered  # noqa: PLC0415
    from core.settings import AalSettings, load_settings  # noqa: PLC0415
    from core.telemetry import configure_logging  # noqa: PLC0415
    from tests.core.aal.conftest import Answer  # noqa: PLC0415

    configure_logging(load_settings({}, log={"level": "debug"}), process="quiet-run", out=sys.stderr)
    aal = build_aal(AalSettings.model_validate({"chain": chain, "attempt_seconds": 30, "total_seconds": 100}))
    log = CallLog()
    agent = Agent(output_type=Answer, retries=0)
    said = ""
    try:
        await agent.run("customer-words", model=aal.model(Purpose.DRAFT, log))
    except NoProviderAnswered as error:
        said = f"{error} {error!r} {vars(error)} {[vars(attempt) for attempt in error.attempts]}"
    result = await agent.run("customer-words", model=aal.model(Purpose.DRAFT, log))
    seen = f"{aal!r} {vars(aal)} {aal.model(Purpose.DRAFT)!r} {await aal.status()!r}"
    return {
        "said": said,
        "seen": seen,
        "rows": [row.model_dump(mode="json") for row in log.calls],
        "answer": result.output.text,
    }


def main() -> None:
    hosts: set[str] = set()

    def note(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            hosts.add(str(args[0]))
        elif event == "socket.connect" and isinstance(args[1], tuple):
            hosts.add(str(args[1][0]))

    sys.addaudithook(note)
    found = asyncio.run(run(json.loads(sys.argv[1])))
    secrets = [name for name in os.environ if "LITELLM" in name]
    print(json.dumps({**found, "hosts": sorted(hosts), "environment": secrets}))  # noqa: T201


if __name__ == "__main__":
    main()

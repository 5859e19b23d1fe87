"""`python -m tests.standins.provider --port 0`: prints one JSON line with its addresses and runs until it is told to stop.

The line also holds a chain with every vendor, ready for WAXOS_AAL__CHAIN. A POST of `{"vendor", "seconds", "shares"}` to `/behave` lets a
vendor answer after so long and fail in those shares (`faults.KINDS` names them); it returns how often each was asked since the last one.
"""

import argparse
import asyncio
import json
import signal

from tests.standins.provider.server import VENDORS, run_provider

_MODELS = {
    "bytez": "google/gemma-3-4b-it",
    "openrouter": "openai/gpt-4o-mini",
    "groq": "llama-3.3-70b-versatile",
    "gemini": "gemini-2.5-flash",
    "openai": "gpt-4o-mini",
    "local": "any",
}


async def run(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with run_provider(port) as provider:
        urls = {vendor: provider.base_url(vendor) for vendor in VENDORS}
        chain = [
            {"provider": vendor, "model": _MODELS[vendor], "api_key": f"stand-in-{vendor}", "base_url": urls[vendor]}
            for vendor in VENDORS
        ]
        print(json.dumps({"origin": provider.origin, "base_urls": urls, "chain": chain}), flush=True)  # noqa: T201
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    asyncio.run(run(parser.parse_args().port))

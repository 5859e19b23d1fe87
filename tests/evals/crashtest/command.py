"""`waxos crashtest` as a stranger would run it, in its short forms."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any


async def crashtest(home: Path, *words: str) -> dict[str, Any]:
    """Run the command with its desk in `home` and return its figures; what it told meanwhile is shown where a test fails."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "waxos"),
        *("crashtest", "--json", "--home", str(home), *words),
        stdout=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("WAXOS_")},
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it hears out what is under way, then ends its desk
            await process.wait()
    figures: dict[str, Any] = json.loads(said)
    print(json.dumps(figures, indent=1, ensure_ascii=False))  # noqa: T201 - shown where the test fails
    return figures

"""The bare LiteLLM Router as its documentation shows it, for `waxos bench aal`: a line `n` on stdin, n timings in ms as JSON on stdout."""

import asyncio
import importlib
import json
import os
import sys
import time
from typing import Any


async def answer(base_url: str, body: dict[str, Any]) -> None:
    """Time calls until the input ends."""
    params = {"model": "openai/gpt-4o-mini", "api_base": base_url, "api_key": "bench"}
    # By name, since what is imported here is no part of the product.
    router = importlib.import_module("litellm.router").Router(
        model_list=[{"model_name": "m", "litellm_params": params}], num_retries=0
    )
    # With any tool it would first load its proxy, which a library is installed without.
    wanted = {name: value for name, value in body.items() if name != "model"} | {"_skip_mcp_handler": True}
    for line in sys.stdin:
        took = []
        for _ in range(int(line)):
            began = time.perf_counter()
            reply = await router.acompletion(model="m", **wanted)
            took.append((time.perf_counter() - began) * 1000)
            if not reply.choices:
                raise SystemExit("no answer")
        sys.stdout.write(json.dumps(took) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    asyncio.run(answer(sys.argv[1], json.loads(sys.argv[2])))

"""LiteLLM, spoken here alone. `core.aal.aal` prepares its environment and loads this module when a provider is first needed."""

import base64
import json
import logging
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import litellm
import openai
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
from litellm.router import Router

from core.aal.chain import Link
from core.aal.embedding.vectors import Embedded
from core.aal.engine import Answer, Question, ToolCall
from core.aal.errors import ProviderAnswerUnusable, ProviderDown, ProviderFailure, ProviderOutOfCredit, kind_of

_VENDOR_BUGS = (AttributeError, LookupError, TypeError, ValueError, RuntimeError)
_BROKEN_CONNECTION = (httpx.HTTPError, ConnectionError)
_KEYLESS = "no-key"
_BY_OPENAI_CLIENT = "openai/"
_GEMINI = "gemini/"
_PAYMENT_REQUIRED = 402
_SECONDS = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*$")

_ASK_FOR_JSON = "Answer with one JSON object and nothing else: no prose, no code fence. It has to satisfy this JSON schema:\n{schema}"


class LiteLlmEngine:
    """One LiteLLM Router over all links, with its own retries, fallbacks and cooldowns off: `core.aal.engine` does those."""

    def __init__(self, links: Sequence[Link]) -> None:
        litellm.disable_hf_tokenizer_download = True
        litellm.suppress_debug_info = True
        _silence()
        litellm.drop_params = True
        litellm.telemetry = False
        litellm.disable_aiohttp_transport = True
        vars(litellm)["DEFAULT_MAX_RETRIES"] = 0  # its embeddings take our 0 for "not said"
        self._vendor_errors: tuple[type[Exception], ...] = (openai.OpenAIError, *_own_errors())
        self._router = Router(
            model_list=[_deployment(link) for link in links],
            num_retries=0,
            disable_cooldowns=True,
            set_verbose=False,
        )
        self._http = _AskOnce()
        _load_the_rest()

    async def ready(self) -> None:
        """Do nothing: what takes long was done by loading this module."""

    async def ask(self, link: Link, question: Question, seconds: float) -> Answer:
        """Return the provider's answer.

        Raises:
            ProviderFailure: of the kind that `core.aal.errors` maps the vendor's error to; the vendor's own text stays here.
        """
        with self._mapped(link):
            request = _request(link, question) | self._client(link)
            reply = await self._router.acompletion(model=link.name, timeout=seconds, num_retries=0, **request)
            return _answer(reply, question)

    async def embed(self, link: Link, texts: Sequence[str], seconds: float) -> Embedded:
        """Return a vector a text. Raises like `ask`."""
        with self._mapped(link):
            request = {"input": list(texts)} | self._client(link)
            if link.facts.prefix != _GEMINI:
                request["encoding_format"] = "float"
            reply = await self._router.aembedding(model=link.name, timeout=seconds, num_retries=0, **request)
            return _embedded(reply)

    def _client(self, link: Link) -> dict[str, Any]:
        return {} if link.facts.prefix == _BY_OPENAI_CLIENT else {"client": self._http}

    @contextmanager
    def _mapped(self, link: Link) -> Iterator[None]:
        try:
            yield
        except self._vendor_errors as error:
            raise _failure(link, error) from None
        except _BROKEN_CONNECTION as error:
            raise ProviderDown(link.provider, link.model, reason=type(error).__name__) from None
        except _VENDOR_BUGS as error:
            # LiteLLM trips over replies that lack a field it takes for granted (Groq without `service_tier`).
            raise ProviderAnswerUnusable(link.provider, link.model, reason=type(error).__name__) from None


class _AskOnce(AsyncHTTPHandler):
    """LiteLLM's HTTP client without its second try after a broken connection: a provider may have read, and billed, the first."""

    async def single_connection_post_request(self, url: str, *_: Any, **__: Any) -> httpx.Response:
        """Fail, where LiteLLM would ask again."""
        raise httpx.ConnectError("the connection broke", request=httpx.Request("POST", url))


def _silence() -> None:
    """LiteLLM logs past our redaction, by handlers of its own, and what it logs of a failed call quotes the vendor's text."""
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL)


def _load_the_rest() -> None:
    """Both libraries put half of their imports off to the first call, which would then miss its deadline."""
    _ = openai.AsyncOpenAI(api_key=_KEYLESS).chat.completions
    litellm.completion(model="openai/none", messages=[{"role": "user", "content": "-"}], mock_response="-")


def _own_errors() -> tuple[type[Exception], ...]:
    """LiteLLM's exceptions that do not derive from the OpenAI SDK's."""
    found = vars(litellm.exceptions).values()
    return tuple(
        e
        for e in found
        if isinstance(e, type) and issubclass(e, Exception) and e.__module__ == litellm.exceptions.__name__
    )


def _deployment(link: Link) -> dict[str, Any]:
    params: dict[str, Any] = {
        "model": link.facts.prefix + link.model,
        "api_base": link.base_url,
        "api_key": link.key.get_secret_value() if link.key else _KEYLESS,
        "max_retries": 0,
    }
    if link.facts.headers:
        params["extra_headers"] = dict(link.facts.headers)
    if link.facts.extra_body:
        params["extra_body"] = dict(link.facts.extra_body)
    return {"model_name": link.name, "litellm_params": params}


def _request(link: Link, question: Question) -> dict[str, Any]:
    messages = [dict(message) for message in question.messages]
    # With any tool LiteLLM first loads its proxy's MCP gateway, which needs packages that only the proxy has.
    request: dict[str, Any] = {"messages": messages, "_skip_mcp_handler": True}
    if link.zero_retention:
        request["extra_body"] = dict(link.facts.zero_retention_body)
    if question.temperature is not None:
        request["temperature"] = question.temperature
    if question.max_tokens is not None:
        request["max_tokens"] = question.max_tokens
    tools = [dict(tool) for tool in question.tools]
    shape = question.shape
    if shape is not None and link.model_facts.mode == "tool":
        function = {"name": shape.name, "description": shape.description, "parameters": dict(shape.schema)}
        tools.append({"type": "function", "function": function})
        if not question.tools:
            request["tool_choice"] = {"type": "function", "function": {"name": shape.name}}
    elif shape is not None and link.model_facts.mode == "native":
        schema = {"name": shape.name, "schema": dict(shape.schema)}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif shape is not None:
        messages.append({"role": "user", "content": _ASK_FOR_JSON.format(schema=json.dumps(shape.schema))})
    if tools:
        request["tools"] = tools
    return request


def _answer(reply: Any, question: Question) -> Answer:
    if not reply.choices:
        return Answer(text=None)
    choice = reply.choices[0]
    structured: str | None = None
    calls: list[ToolCall] = []
    for call in choice.message.tool_calls or ():
        if question.shape is not None and call.function.name == question.shape.name:
            structured = call.function.arguments or ""
        else:
            calls.append(ToolCall(id=call.id or "", name=call.function.name, arguments=call.function.arguments or "{}"))
    usage = getattr(reply, "usage", None)
    return Answer(
        text=choice.message.content,
        structured=structured,
        tool_calls=tuple(calls),
        tokens_in=getattr(usage, "prompt_tokens", 0) or 0,
        tokens_out=getattr(usage, "completion_tokens", 0) or 0,
        cut_off=choice.finish_reason == "length",
    )


def _embedded(reply: Any) -> Embedded:
    rows = sorted(reply.data, key=lambda row: row["index"])
    usage = getattr(reply, "usage", None)
    return Embedded([_numbers(row["embedding"]) for row in rows], getattr(usage, "prompt_tokens", 0) or 0)


def _numbers(sent: Any) -> list[float]:
    """Read a vector; some servers answer in base64 whatever they are asked for."""
    if isinstance(sent, str):
        return array("f", base64.b64decode(sent, validate=True)).tolist()
    return [float(number) for number in sent]


def _failure(link: Link, error: Exception) -> ProviderFailure:
    status = getattr(error, "status_code", None)
    reason = f"HTTP {status}" if isinstance(status, int) else ""
    # LiteLLM knows 402 of few vendors and takes it for a fault of the server with the others.
    kind = ProviderOutOfCredit if status == _PAYMENT_REQUIRED else kind_of(error)
    return kind(link.provider, link.model, retry_after=_retry_after(error), reason=reason)


def _retry_after(error: Exception) -> float | None:
    """Read the header in either of its forms, seconds or a date; none where there is none that can be read."""
    headers: Mapping[str, str] | None = getattr(getattr(error, "response", None), "headers", None)
    headers = headers or getattr(error, "litellm_response_headers", None)
    value = str((headers or {}).get("retry-after", ""))
    found = _SECONDS.match(value)
    if found:
        return float(found[1])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds()) if at.tzinfo else None

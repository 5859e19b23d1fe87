"""The vendors' formats: requests read into `Asked`, replies written as each vendor writes them."""

import base64
import hashlib
import json
import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from tests.standins.provider.faults import Asked, Fault, Reply

TOKENS_IN, TOKENS_OUT = 50, 20
_HUGE = 5_000_000
_GERMAN = "Guten Tag, das Geschäft ist heute leider schon geschlossen und öffnet morgen früh wieder."
_WIDTH, _GEMINI_WIDTH = 1536, 768
_STATUS_NAMES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


def read_chat(vendor: str, body: Mapping[str, Any]) -> Asked:
    """Read an OpenAI-compatible chat request."""
    messages = [{"role": m["role"], "content": _flat(m.get("content"))} for m in body["messages"]]
    tools = body.get("tools") or []
    if tools:
        function = tools[0]["function"]
        return Asked(vendor, body["model"], messages, function["parameters"], function["name"])
    shape = body.get("response_format") or {}
    schema = shape.get("json_schema", {}).get("schema") or _schema_in_words(messages)
    return Asked(vendor, body["model"], messages, schema, None)


def read_gemini(model: str, body: Mapping[str, Any]) -> Asked:
    """Read a `generateContent` request."""
    system = body.get("system_instruction") or body.get("systemInstruction")
    messages = [{"role": "system", "content": _pieces(system)}] if system else []
    messages += [{"role": turn.get("role", "user"), "content": _pieces(turn)} for turn in body["contents"]]
    for tool in body.get("tools") or []:
        declared = tool.get("function_declarations") or tool.get("functionDeclarations")
        if declared:
            schema = declared[0].get("parameters") or declared[0].get("parametersJsonSchema")
            return Asked("gemini", model, messages, schema, declared[0]["name"])
    config = body.get("generationConfig") or {}
    schema = config.get("response_schema") or config.get("responseSchema") or config.get("responseJsonSchema")
    return Asked("gemini", model, messages, schema or _schema_in_words(messages), None)


def chat_reply(asked: Asked, reply: Reply, fault: Fault | None) -> dict[str, Any]:
    """Write a chat completion; Groq's carries its service tier, which LiteLLM takes for granted."""
    kind = fault.kind if fault else ""
    message, reason = _message(asked, reply, kind)
    choice = {"index": 0, "message": message, "finish_reason": reason}
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": asked.model,
        "choices": [] if kind == "no_choices" else [choice],
        "usage": {
            "prompt_tokens": TOKENS_IN,
            "completion_tokens": TOKENS_OUT,
            "total_tokens": TOKENS_IN + TOKENS_OUT,
        },
    }
    if asked.vendor == "groq" and kind != "no_tier":
        body |= {"service_tier": "on_demand", "x_groq": {"id": "req_1"}}
    if asked.vendor == "openrouter":
        body |= {"provider": "StandIn"}
    return body


def in_german(said: Any) -> Any:
    """Return an answer of the same shape with a German sentence for every text."""
    if isinstance(said, str):
        return _GERMAN
    if isinstance(said, Mapping):
        return {name: in_german(value) for name, value in said.items()}
    return [in_german(one) for one in said] if isinstance(said, list) else said


def _message(asked: Asked, reply: Reply, kind: str) -> tuple[dict[str, Any], str]:
    if kind in {"empty", "huge"}:
        return {"role": "assistant", "content": "x" * _HUGE if kind == "huge" else ""}, "stop"
    half = kind == "cut_off"
    if isinstance(reply, str) or asked.tool is None:
        said = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
        text = said[: len(said) // 2] if half else said
        return {"role": "assistant", "content": text}, "length" if half else "stop"
    arguments = json.dumps(reply, ensure_ascii=False)
    function = {"name": asked.tool, "arguments": arguments[: len(arguments) // 2] if half else arguments}
    call = {"id": "call_1", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}, "length" if half else "tool_calls"


def gemini_reply(asked: Asked, reply: Reply, fault: Fault | None) -> dict[str, Any]:
    """Write a `GenerateContentResponse`."""
    kind = fault.kind if fault else ""
    message, reason = _message(asked, reply, kind)
    reasons = {"length": "MAX_TOKENS"}
    if kind == "cut_off":
        parts: list[dict[str, Any]] = [{"text": json.dumps(reply)[:20]}]
    elif "tool_calls" in message:
        parts = [{"functionCall": {"name": asked.tool, "args": reply}}]
    else:
        parts = [{"text": message["content"]}]
    candidate = {
        "content": {"role": "model", "parts": parts},
        "finishReason": reasons.get(reason, "STOP"),
        "index": 0,
    }
    return {
        "candidates": [] if kind == "no_choices" else [candidate],
        "usageMetadata": {
            "promptTokenCount": TOKENS_IN,
            "candidatesTokenCount": TOKENS_OUT,
            "totalTokenCount": TOKENS_IN + TOKENS_OUT,
        },
        "modelVersion": asked.model,
    }


def error_body(vendor: str, code: int, text: str) -> dict[str, Any]:
    """Write an error as the vendor does."""
    if vendor == "gemini":
        return {"error": {"code": code, "message": text, "status": _STATUS_NAMES.get(code, "INTERNAL")}}
    if vendor == "openrouter":
        return {"error": {"code": code, "message": text}}
    return {"error": {"message": text, "type": "error", "param": None, "code": str(code)}}


def embeddings_reply(body: Mapping[str, Any], fault: Fault | None = None) -> dict[str, Any]:
    """Write an embedding list: the same text the same unit vector, as numbers or as base64 of floats."""
    kind = fault.kind if fault else ""
    texts: Sequence[str] = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = []
    for index, text in enumerate(texts):
        width = _WIDTH // 2 if kind == "narrow" else _WIDTH
        vector: Any = _vector(text, width)
        if "base64" in {kind, body.get("encoding_format")}:
            vector = base64.b64encode(struct.pack(f"<{width}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    if kind == "cut_off":
        data = data[: len(data) // 2]
    usage = {"prompt_tokens": TOKENS_IN, "total_tokens": TOKENS_IN}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def gemini_embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Write the answer of `batchEmbedContents`, or of `embedContent` where one text was sent."""
    if "requests" in body:
        return {"embeddings": [{"values": _vector(_pieces(r["content"]), _GEMINI_WIDTH)} for r in body["requests"]]}
    return {"embedding": {"values": _vector(_pieces(body["content"]), _GEMINI_WIDTH)}}


def _vector(text: str, width: int) -> list[float]:
    chance = random.Random(hashlib.sha256(text.encode()).digest())
    values = [chance.gauss(0, 1) for _ in range(width)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


def _flat(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(piece.get("text", "")) for piece in content)
    return content or ""


def _pieces(turn: Mapping[str, Any]) -> str:
    return "\n".join(str(part.get("text", "")) for part in turn.get("parts", []))


def _schema_in_words(messages: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """Find the JSON schema that a prompted request spells out, as a model would have to."""
    for message in reversed(messages):
        start = message["content"].find("{")
        if start < 0 or "JSON schema" not in message["content"]:
            continue
        found, _ = json.JSONDecoder().raw_decode(message["content"][start:])
        if isinstance(found, dict) and "properties" in found:
            return found
    return None

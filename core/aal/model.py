"""`AalModel`: the pydantic-ai model under every agent. Retries, fallback, time and usage belong to the `Caller` beneath it.

Loaded by `core.aal.aal` only where a provider is configured, because pydantic-ai takes half a second to import.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    RetryPromptPart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from core.aal.asking import Caller
from core.aal.engine import Answer, OutputShape, Question
from core.aal.ports import Accepts, Purpose, UsageRecorder

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_MOST_FAULTS = 3


class AalModel(Model[None]):
    """One purpose's view of the chain. pydantic-ai always sees an output tool; how each provider is asked is the catalog's affair."""

    def __init__(
        self, caller: Caller, purpose: Purpose, recorder: UsageRecorder, accepts: Accepts | None = None
    ) -> None:
        super().__init__(profile=ModelProfile(supports_tools=True, default_structured_output_mode="tool"))
        self._caller = caller
        self._purpose = purpose
        self._recorder = recorder
        self._accepts = accepts

    @property
    def model_name(self) -> str:
        """Name the purpose; the provider's own name is in each response."""
        return f"aal:{self._purpose}"

    @property
    def system(self) -> str:
        """Name the layer."""
        return "waxos"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask the chain once.

        Raises:
            NoProviderAnswered: every provider failed or the time was up.
            BudgetSpent: the tenant's limit is reached.
        """
        settings, parameters = self.prepare_request(model_settings, model_request_parameters)
        shape = _shape(parameters.output_tools, self._accepts)
        question = Question(
            messages=_messages(messages, parameters),
            shape=shape,
            tools=[_tool(tool) for tool in parameters.function_tools],
            temperature=(settings or {}).get("temperature"),
            max_tokens=(settings or {}).get("max_tokens"),
        )
        answer, row = await self._caller.call(self._purpose, question, self._recorder)
        return ModelResponse(
            parts=_parts(answer, shape),
            usage=RequestUsage(input_tokens=row.tokens_in, output_tokens=row.tokens_out),
            model_name=row.model,
            provider_name=row.provider,
        )


def _shape(tools: Sequence[ToolDefinition], accepts: Accepts | None) -> OutputShape | None:
    if not tools:
        return None
    tool = tools[0]
    validator = Draft202012Validator(tool.parameters_json_schema)

    def wrong(found: Mapping[str, Any]) -> str | None:
        faults = [_fault(error) for error in validator.iter_errors(found) if not _tolerated(error)]
        return "; ".join(faults[:_MOST_FAULTS]) or (accepts(found) if accepts else None)

    return OutputShape(tool.name, tool.description or "", tool.parameters_json_schema, wrong)


def _fault(error: ValidationError) -> str:
    return f"{error.json_path[2:] or 'the object'}: {error.message[:200]}"


def _tolerated(error: ValidationError) -> bool:
    """Pydantic reads a number out of its digits, so a correction would only cost time."""
    if error.validator != "type" or error.validator_value not in {"integer", "number"}:
        return False
    return isinstance(error.instance, str) and _NUMBER.fullmatch(error.instance) is not None


def _tool(tool: ToolDefinition) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description or "", "parameters": tool.parameters_json_schema}
    return {"type": "function", "function": function}


def _parts(answer: Answer, shape: OutputShape | None) -> list[ModelResponsePart]:
    parts: list[ModelResponsePart] = []
    if answer.structured is not None and shape is not None:
        parts.append(ToolCallPart(tool_name=shape.name, args=answer.structured))
    elif answer.text:
        parts.append(TextPart(content=answer.text))
    parts += [ToolCallPart(tool_name=c.name, args=c.arguments, tool_call_id=c.id) for c in answer.tool_calls]
    return parts


def _messages(messages: Sequence[ModelMessage], parameters: ModelRequestParameters) -> list[dict[str, Any]]:
    wire: list[dict[str, Any]] = []
    instructions = "\n\n".join(part.content for part in parameters.instruction_parts or ())
    if instructions:
        wire.append({"role": "system", "content": instructions})
    for message in messages:
        if isinstance(message, ModelRequest):
            wire += [_request_part(part) for part in message.parts]
        else:
            wire.append(_response(message))
    return wire


def _request_part(part: Any) -> dict[str, Any]:
    if isinstance(part, SystemPromptPart):
        return {"role": "system", "content": part.content}
    if isinstance(part, UserPromptPart):
        return {"role": "user", "content": _text(part.content)}
    if isinstance(part, ToolReturnPart):
        return {"role": "tool", "tool_call_id": part.tool_call_id, "content": part.model_response_str()}
    if isinstance(part, RetryPromptPart):
        if part.tool_name is None:
            return {"role": "user", "content": part.model_response()}
        return {"role": "tool", "tool_call_id": part.tool_call_id, "content": part.model_response()}
    raise TypeError(f"agents send text only; {type(part).__name__} has no place in the AAL")


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(str(piece) for piece in content)


def _response(message: ModelResponse) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": "assistant", "content": message.text}
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    if calls:
        wire["tool_calls"] = [
            {
                "id": call.tool_call_id,
                "type": "function",
                "function": {"name": call.tool_name, "arguments": _arguments(call.args)},
            }
            for call in calls
        ]
    return wire


def _arguments(args: str | dict[str, Any] | None) -> str:
    return args if isinstance(args, str) else json.dumps(args or {})

"""The sandboxed child that reads one exported chat: `python -I -m api.history.child`. Nothing imports it but its tests.

It stands here because it needs the parser of `domain` and the historian of `agents`. What it answers is redacted: the chat itself never
leaves this process, is in no database, queue or folder, and is gone with it.
"""

import os
from typing import Any

from agents.historian import learn
from core.aal.language import LanguageDetector
from core.contracts.history import DateOrder, ReadHistory
from domain.history.export import read_export
from domain.history.opening import open_export
from domain.history.sides import take_sides
from domain.sandboxed import serve

_LESS_URGENT = 10


def main() -> None:
    """Read one file as told on standard input: {filename, business, date_order}, answered with {history}."""
    detector = LanguageDetector()
    serve(
        lambda order, data: {"history": read(data, order, detector).model_dump(mode="json")},
        lambda _: _prepare(detector),
    )


def read(data: bytes, order: dict[str, Any], detector: LanguageDetector) -> ReadHistory:
    """Return what an export teaches.

    Raises:
        Unreadable: it cannot be used, or a person has to say something first; says what.
    """
    opened = open_export(data, order["filename"])
    export = read_export(opened.text, DateOrder(order["date_order"]) if order["date_order"] else None)
    sided = take_sides(export.messages, order["business"], opened.other)
    days = [message.at.date() for message in export.messages]
    return ReadHistory(
        business=sided.chat.business,
        business_known_by=sided.reason,
        date_order=export.order,
        messages=len(export.messages),
        first_on=min(days),
        last_on=max(days),
        learnt=learn(sided.chat, detector),
    )


def _prepare(detector: LanguageDetector) -> None:
    """Let whoever waits for the API go first, on the same machine, and load the model, which looks for a folder that it could write to."""
    os.nice(_LESS_URGENT)
    detector.detect("which language is this")


if __name__ == "__main__":
    main()

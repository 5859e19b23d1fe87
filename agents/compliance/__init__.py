"""The compliance checker: small pure checks over one exact text, whoever wrote it. See `checks/` for the list."""

from agents.compliance.checker import ComplianceChecker
from agents.compliance.checks import ALL
from agents.ports import Checker
from core.aal.language import LanguageDetector
from core.aal.ports import Embedder


def build_checker(embedder: Embedder | None, detector: LanguageDetector | None = None) -> Checker:
    """Return the checker; without an embedder (the bridge alone) only words count, which sends more to staff."""
    return ComplianceChecker(ALL, embedder, detector or LanguageDetector())

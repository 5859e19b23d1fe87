"""Runs the checks in order over one exact text and adds up their findings: the worst one decides."""

from collections.abc import Sequence

import structlog

from agents.compliance.case import Case, prepare
from agents.compliance.checks.base import Check
from agents.compliance.checks.support import carried
from core.aal.language import LanguageDetector
from core.aal.ports import Embedder
from core.contracts.reasoning import CheckReport, Claim, Conversation, Finding, Passage, ToneProfile
from core.contracts.states import Verdict
from core.contracts.texts import text_sha256

_RANK = {Verdict.PASS: 0, Verdict.NEEDS_STAFF: 1, Verdict.BLOCK: 2}
log = structlog.get_logger(__name__)


class ComplianceChecker:
    """Deterministic without a judge model. `version` names the checks that made a report."""

    def __init__(self, checks: Sequence[Check], embedder: Embedder | None, detector: LanguageDetector) -> None:
        self._checks = tuple(checks)
        self._embedder = embedder
        self._detector = detector
        self.version = "+".join(f"{check.name}{check.version}" for check in self._checks)

    async def check(
        self,
        conversation: Conversation,
        parts: Sequence[str],
        claims: Sequence[Claim],
        passages: Sequence[Passage],
        tone: ToneProfile | None = None,
    ) -> CheckReport:
        """Return the verdict over exactly `parts`; a check that cannot run means that staff must look (law 4)."""
        language = self._detector.detect("\n".join(parts)).tag
        case = await prepare(conversation, parts, claims, passages, tone or ToneProfile(), self._embedder, language)
        findings = [finding for check in self._checks for finding in _run(check, case)]
        verdict = max((finding.verdict for finding in findings), key=_RANK.__getitem__, default=Verdict.PASS)
        return CheckReport(
            verdict=verdict,
            findings=findings,
            score=_score(case),
            text_sha256=text_sha256(parts),
            checker_version=self.version,
        )


def _run(check: Check, case: Case) -> Sequence[Finding]:
    try:
        return check.run(case)
    except Exception:  # law 4: whatever a check trips over, a person looks at the text
        log.exception("check.failed", check=check.name)
        reason = f'the check "{check.name}" could not run; judge the text yourself'
        return [Finding(check=check.name, verdict=Verdict.NEEDS_STAFF, reason=reason)]


def _score(case: Case) -> float:
    judged = [said for said in case.said if not said.courtesy]
    size = sum(len(said.text) for said in judged)
    return sum(len(said.text) for said in judged if carried(said)) / size if size else 1.0

"""The worker's tasks `proposal.learn` and `proposal.compare`: the historian and the search of one tenant, brought together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from uuid import UUID

from core.aal.embedding import BUNDLED, Embedders, build_embedder
from core.aal.language import LanguageDetector
from core.jobs.registry import Registry, Resources
from domain.knowledge.search import KnowledgeSearch
from domain.proposals.comparing import QuestionSearch, compare
from domain.proposals.learning import learn
from domain.proposals.soon import COMPARE_TASK, LEARN_TASK
from domain.usage.circuits import shared_circuits

_SECONDS = 120.0


def search_by(resources: Resources, detector: LanguageDetector) -> Callable[[UUID], QuestionSearch]:
    """Return how to search the knowledge of a tenant, above the relevance floor."""
    embedders = Embedders(resources.settings.aal, shared_circuits(resources.settings))
    return lambda tenant: KnowledgeSearch(resources.db, tenant, embedders, detector)


@dataclass(frozen=True, slots=True)
class LearningTasks:
    """The handlers of one process."""

    detector: LanguageDetector = field(default_factory=LanguageDetector)
    _searches: list[Callable[[UUID], QuestionSearch]] = field(default_factory=list)

    async def learn(self, resources: Resources, tenant_id: UUID, chat_id: UUID) -> None:
        """Propose what a chat teaches, once it has come to rest."""
        # Loaded at the first chat: no worker waits at its start for what it may never need.
        historian = import_module("agents.historian.desk").DeskHistorian(build_embedder(BUNDLED), self.detector)
        wait = timedelta(seconds=resources.settings.desk.learn_seconds)
        await learn(resources.db, tenant_id, chat_id, historian, self._search(resources, tenant_id), wait)

    async def compare(self, resources: Resources, tenant_id: UUID, _: UUID) -> None:
        """Note which questions that are proposed have got an exact answer."""
        await compare(resources.db, tenant_id, self._search(resources, tenant_id))

    def _search(self, resources: Resources, tenant_id: UUID) -> QuestionSearch:
        if not self._searches:
            self._searches.append(search_by(resources, self.detector))
        return self._searches[0](tenant_id)


def register(registry: Registry) -> None:
    """Announce both; reading a chat takes some of a processor, so they stand behind the files that are read in."""
    tasks = LearningTasks()
    registry.task(LEARN_TASK, tasks.learn, timeout_s=_SECONDS, queue="cpu")
    registry.task(COMPARE_TASK, tasks.compare, timeout_s=_SECONDS, queue="cpu")

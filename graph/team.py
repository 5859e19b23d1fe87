"""Who works on the runs of this process: the agents on its AI layer, each run's retriever bound to its tenant's knowledge."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from agents.compliance import build_checker
from agents.drafter import build_drafter
from agents.humanizer import build_humanizer
from agents.ports import Checker, Drafter, Humanizer, Lookup, PassageSearch
from agents.retriever import build_retriever
from core.aal import Aal, build_aal
from core.aal.embedding import Embedders
from core.aal.language import LanguageDetector
from core.contracts.ids import new_id
from core.contracts.reasoning import Conversation, Passage, ToneProfile, Turn
from core.contracts.states import Direction, MessageKind
from core.jobs.registry import Resources
from domain.drafts.runs import ClaimedRun
from domain.knowledge.search import KnowledgeSearch
from domain.usage.circuits import shared_circuits
from graph.context import Agents
from graph.lookups import lookups_of
from graph.runner import Runner
from graph.runs import DomainRuns
from tools.connections import load_connections

SearchFor = Callable[[UUID], PassageSearch]
"""The search over one tenant's knowledge, by the tenant's id."""

LookupsFor = Callable[[ClaimedRun], Awaitable[Sequence[Lookup]]]
"""The systems of a run's business, bound to the customer of its chat."""


@dataclass(frozen=True, slots=True)
class Team:
    """Drafter, humanizer and checker know no tenant and serve every run; the retriever is made for each."""

    search_for: SearchFor
    drafter: Drafter
    humanizer: Humanizer
    checker: Checker
    lookups_for: LookupsFor | None = None
    """None on a desk that is connected to nothing."""

    async def agents_for(self, run: ClaimedRun) -> Agents:
        """Return the agents of one run."""
        lookups = await self.lookups_for(run) if self.lookups_for else ()
        retriever = build_retriever(self.search_for(run.tenant_id), lookups=lookups)
        return Agents(retriever, self.drafter, self.humanizer, self.checker)


def build_team(
    aal: Aal, detector: LanguageDetector, search_for: SearchFor, lookups_for: LookupsFor | None = None
) -> Team:
    """Make the team of this process; with no provider configured it works without a model."""
    checker = build_checker(aal.embedder, detector)
    return Team(
        search_for, build_drafter(aal, detector=detector), build_humanizer(aal, detector=detector), checker, lookups_for
    )


async def open_runner(resources: Resources) -> Runner:
    """Make the runner of a worker and load what its first draft would otherwise wait for.

    Raises:
        SetupError: the settings name a provider without its key, or connections that cannot be read.
    """
    db, settings, detector = resources.db, resources.settings, LanguageDetector()
    circuits = shared_circuits(settings)
    aal, embedders = build_aal(settings.aal, cooldowns=circuits), Embedders(settings.aal, circuits)
    # No floor: whether a passage answers is the drafter's to judge, sentence by sentence, and a floor loses a third of the answers.
    connections = load_connections(settings.tools)
    team = build_team(
        aal,
        detector,
        lambda tenant_id: KnowledgeSearch(db, tenant_id, embedders, detector, floor=0.0),
        lambda run: lookups_of(run, db, embedders, connections),
    )
    await aal.warm()
    await _rehearse(team, with_drafter=not aal.configured)
    return Runner(db.engine, DomainRuns(db, settings.desk), team.agents_for, settings.desk, detector)


async def _rehearse(team: Team, *, with_drafter: bool) -> None:
    """Let the agents that need no model work once for nobody: word lists and compiled queries cost the first customer 200 ms."""
    text = "On Saturday we are open from 9 to 13."
    passage = Passage(id=new_id(), source_id=new_id(), source_title="", text=text, language="en", score=1.0)
    asked = Turn(
        message_id=new_id(),
        seq=1,
        direction=Direction.IN,
        kind=MessageKind.TEXT,
        text="When are you open?",
        at=datetime.now(UTC),
    )
    nobody = Conversation(chat_id=new_id(), contact_name=None, language="en", history=[], burst=[asked])
    found = await build_retriever(team.search_for(new_id())).retrieve(nobody)
    if with_drafter:
        await team.drafter.draft(
            nobody, found.model_copy(update={"passages": [passage]}), ToneProfile(business_name="")
        )
    await team.checker.check(nobody, [text], [], [passage])

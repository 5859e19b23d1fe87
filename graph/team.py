"""Who works on the runs of this process: the agents on its AI layer, each run's retriever bound to its tenant's knowledge."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
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
from core.db.session import Database
from core.jobs.registry import Resources
from domain.drafts.runs import ClaimedRun
from domain.knowledge.search import KnowledgeSearch
from domain.usage.circuits import shared_circuits
from domain.usage.spending import AiRules, ai_rules
from graph.context import Agents
from graph.lookups import lookups_of
from graph.runner import Runner
from graph.runs import DomainRuns
from tools.connections import load_connections

SearchFor = Callable[[UUID], PassageSearch]
"""The search over one tenant's knowledge, by the tenant's id."""

LookupsFor = Callable[[ClaimedRun], Awaitable[Sequence[Lookup]]]
"""The systems of a run's business, bound to the customer of its chat."""


RulesFor = Callable[[ClaimedRun], Awaitable[AiRules]]
"""What the policies and the budget of a run's business allow."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who writes on one chain of providers."""

    drafter: Drafter
    humanizer: Humanizer


@dataclass(frozen=True, slots=True)
class Team:
    """Drafter and humanizer know no tenant and serve all whose rules allow the same providers; the retriever is made for each run."""

    search_for: SearchFor
    aal: Aal
    detector: LanguageDetector
    checker: Checker
    lookups_for: LookupsFor | None = None
    """None on a desk that is connected to nothing."""
    rules_for: RulesFor | None = None
    """None where every run may use every provider."""
    _crews: dict[int, tuple[Aal, Crew]] = field(default_factory=dict)

    async def agents_for(self, run: ClaimedRun) -> Agents:
        """Return the agents of one run."""
        lookups = await self.lookups_for(run) if self.lookups_for else ()
        crew = self.crew(self.aal if self.rules_for is None else self._under(await self.rules_for(run)))
        retriever = build_retriever(self.search_for(run.tenant_id), lookups=lookups)
        return Agents(retriever, crew.drafter, crew.humanizer, self.checker)

    def crew(self, aal: Aal) -> Crew:
        """Return who writes on these providers; made once."""
        if id(aal) not in self._crews:
            crew = Crew(build_drafter(aal, detector=self.detector), build_humanizer(aal, detector=self.detector))
            self._crews[id(aal)] = (aal, crew)
        return self._crews[id(aal)][1]

    def _under(self, rules: AiRules) -> Aal:
        return self.aal.without_models() if rules.spent else self.aal.under(rules.data_use)


def build_team(
    aal: Aal,
    detector: LanguageDetector,
    search_for: SearchFor,
    lookups_for: LookupsFor | None = None,
    rules_for: RulesFor | None = None,
) -> Team:
    """Make the team of this process; with no provider configured it works without a model."""
    return Team(search_for, aal, detector, build_checker(aal.embedder, detector), lookups_for, rules_for)


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
        lambda run: _rules(db, run),
    )
    await aal.warm()
    await _rehearse(team)
    return Runner(db.engine, DomainRuns(db, settings.desk), team.agents_for, settings.desk, detector)


async def _rules(db: Database, run: ClaimedRun) -> AiRules:
    async with db.unit_of_work(run.tenant_id) as session:
        return await ai_rules(session)


async def _rehearse(team: Team) -> None:
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
    given = found.model_copy(update={"passages": [passage]})
    await team.crew(team.aal.without_models()).drafter.draft(nobody, given, ToneProfile(business_name=""))
    await team.checker.check(nobody, [text], [], [passage])

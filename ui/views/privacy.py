"""The screen "Who sees our customers' data": the AI providers, what is known of each, the rules on them, and what they cost."""

from typing import Literal

import gradio as gr
from pydantic import Field

from core.contracts.states import Role
from core.contracts.usage import AiBudget, AiCosts, SetAiBudget, SetAiDataUse
from core.errors import InvalidInput, Unavailable
from ui.session import PanelSession
from ui.views.answering import Answer, Ask, Notice, Payload
from ui.views.render import Templates
from ui.views.screen import build_list

_MICRO = 1_000_000


class PrivacyAsk(Ask):
    """What an owner changes; a box that is not ticked is not sent at all."""

    do: Literal["rules", "budget"]
    version: int = Field(ge=0)
    training: str = ""
    zero_retention: str = ""
    monthly: str = ""


class PrivacyFunctions:
    """What the screen may ask."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def show(self, session: PanelSession, _: Payload) -> Answer:
        """Show the providers, the rules and the month's cost."""
        return await self._drawn(session)

    async def act(self, session: PanelSession, payload: Payload) -> Answer:
        """Change the rules, or the limit of a month."""
        ask = PrivacyAsk.model_validate(payload)
        if ask.do == "budget":
            await session.api.set_ai_budget(SetAiBudget(monthly_micro=_micro(ask.monthly), version=ask.version))
            said = "The limit is changed."
        else:
            chosen = (await session.api.ai_providers()).providers_chosen
            rules = SetAiDataUse(
                training=ask.training == "on",
                zero_retention=ask.zero_retention == "on",
                providers_chosen=chosen,
                version=ask.version,
            )
            await session.api.set_ai_providers(rules)
            said = "Changed. It holds from the next draft on."
        return (await self._drawn(session)).model_copy(update={"notice": Notice(level="good", title=said)})

    async def _drawn(self, session: PanelSession) -> Answer:
        budget, costs = await session.api.ai_budget(), await session.api.ai_costs()
        try:
            use = await session.api.ai_providers()
        except Unavailable:  # the money is known without a worker
            use = None
        html = self._templates.render(
            "privacy.html",
            use=use,
            money=_Money(budget, costs),
            is_owner=session.me.role is Role.OWNER,
        )
        return Answer(fragments={"main": html})


class _Money:
    """A month's money in dollars, as people read it."""

    def __init__(self, budget: AiBudget, costs: AiCosts) -> None:
        self.state = budget.state.value
        self.version = budget.version
        self.limit = f"{budget.limit_micro / _MICRO:.2f}"
        self.house = f"{budget.house_micro / _MICRO:.2f}"
        self.own = f"{budget.own_micro / _MICRO:.2f}" if budget.own_micro else ""
        self.per_draft = _cents(costs.cost_per_draft_micro)
        self.per_reply = _cents(costs.cost_per_sent_reply_micro)
        self.wasted = "" if costs.wasted_share is None else f"{costs.wasted_share * 100:.0f} %"


def _cents(micro: int | None) -> str:
    return "" if micro is None else f"{micro / _MICRO:.4f}"


def _micro(dollars: str) -> int:
    try:
        return round(float(dollars.replace(",", ".")) * _MICRO)
    except (ValueError, OverflowError):
        raise InvalidInput("That is no amount.", hint="Write dollars, as 20 or 7.50.") from None


def build(templates: Templates) -> None:
    """Lay out the screen inside the open `gr.Blocks`."""
    functions = PrivacyFunctions(templates)
    with gr.Column(elem_id="view-privacy", elem_classes="view"):
        gr.HTML(templates.source("privacy_head.html"), apply_default_css=False)
        build_list(view="privacy", event="usage.updated", show=functions.show, act=functions.act)

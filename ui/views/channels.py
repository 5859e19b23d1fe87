"""The channels screen: the business's numbers, their health, what answers on them by itself, and the code that pairs a computer."""

import asyncio
from typing import Any, Literal
from uuid import UUID

import gradio as gr

from core.contracts.states import AutomationState
from ui.session import PanelSession
from ui.views.answering import Answer, Ask, Notice, Payload
from ui.views.render import Templates
from ui.views.screen import build_list

_JUDGED = {
    "kept": "Kept as an automatic text. It does not pause AI.",
    "person": "Noted: a person typed it. AI pauses on these chats as after any reply from the phone.",
}


class ChannelAsk(Ask):
    """What to do with a channel, or what an automatic text on it is."""

    do: Literal["pair", "kept", "person"]
    id: UUID


class ChannelFunctions:
    """What the channels screen may ask."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def show(self, session: PanelSession, _: Payload) -> Answer:
        """List the channels."""
        return await self._shown(session)

    async def act(self, session: PanelSession, payload: Payload) -> Answer:
        """Make a pairing code for a channel and show it there, or say what an automatic text is."""
        ask = ChannelAsk.model_validate(payload)
        if ask.do == "pair":
            return await self._shown(session, pairing={"channel_id": ask.id, "of": await session.api.pair(ask.id)})
        await session.api.judge(ask.id, AutomationState(ask.do))
        shown = await self._shown(session)
        return shown.model_copy(update={"notice": Notice(level="good", title=_JUDGED[ask.do])})

    async def _shown(self, session: PanelSession, pairing: dict[str, Any] | None = None) -> Answer:
        channels, automations = await asyncio.gather(session.api.channels(), session.api.automations())
        html = self._templates.render(
            "channels.html", channels=channels.items, automations=automations.items, me=session.me, pairing=pairing
        )
        return Answer(fragments={"main": html})


def build(templates: Templates) -> None:
    """Lay out the screen inside the open `gr.Blocks`."""
    functions = ChannelFunctions(templates)
    with gr.Column(elem_id="view-channels", elem_classes="view"):
        gr.HTML(templates.source("channels_head.html"), apply_default_css=False)
        build_list(view="channels", event="channel.updated", show=functions.show, act=functions.act)

"""The channels screen: the business's numbers, their health, and the code that pairs a computer with one."""

from typing import Literal
from uuid import UUID

import gradio as gr

from ui.session import PanelSession
from ui.views.answering import Answer, Ask, Payload
from ui.views.render import Templates
from ui.views.screen import build_list


class ChannelAsk(Ask):
    """What to do with a channel."""

    do: Literal["pair"]
    id: UUID


class ChannelFunctions:
    """What the channels screen may ask."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def show(self, session: PanelSession, _: Payload) -> Answer:
        """List the channels."""
        page = await session.api.channels()
        return Answer(
            fragments={
                "main": self._templates.render("channels.html", channels=page.items, me=session.me, pairing=None)
            }
        )

    async def act(self, session: PanelSession, payload: Payload) -> Answer:
        """Make a pairing code for a channel and show it there."""
        ask = ChannelAsk.model_validate(payload)
        pairing = await session.api.pair(ask.id)
        page = await session.api.channels()
        html = self._templates.render(
            "channels.html", channels=page.items, me=session.me, pairing={"channel_id": ask.id, "of": pairing}
        )
        return Answer(fragments={"main": html})


def build(templates: Templates) -> None:
    """Lay out the screen inside the open `gr.Blocks`."""
    functions = ChannelFunctions(templates)
    with gr.Column(elem_id="view-channels", elem_classes="view"):
        gr.HTML(templates.source("channels_head.html"), apply_default_css=False)
        build_list(view="channels", event="channel.updated", show=functions.show, act=functions.act)

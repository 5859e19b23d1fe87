"""A list that the server draws and that follows the events: the base of the knowledge and channel screens."""

from collections.abc import Awaitable, Callable

import gradio as gr

from ui.session import PanelSession
from ui.views.answering import Answer, Payload, answering

Function = Callable[[PanelSession, Payload], Awaitable[Answer]]


def build_list(*, view: str, event: str, show: Function, act: Function) -> None:
    """Lay out a place that `static/screen.js` fills by `show`, again when an event of type `event` comes.

    A button inside with `data-do="name"` and `data-id` asks `act` with `{"do": name, "id": …}`, whose answer is drawn; a form with them
    adds its fields. Where the answer holds no list, `show` is asked for it. A fact `watch` of an answer is passed to `show` from then
    on, until the screen is left or it is taken back.
    """
    gr.HTML(
        html_template='<div class="screen"><div data-place="main"></div>'
        '<div class="notices" data-slot="notices" role="status" aria-live="polite"></div></div>',
        js_on_load=f'import("/static/screen.js").then((m) => m.start(element, server, "{view}", "{event}"));',
        apply_default_css=False,
        elem_id=f"{view}-list",
        server_functions=[answering(show, "show"), answering(act, "act")],
    )

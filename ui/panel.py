"""The Gradio application: one page with a bar and five screens. Importing this module imports Gradio (seconds)."""

import gradio as gr
from fastapi import FastAPI

from core.settings import Settings
from ui.guard import PANEL, SESSION_KEY
from ui.session import PanelSession
from ui.views import channels, desk, knowledge, privacy, proposals
from ui.views.answering import Answer, Payload, answering
from ui.views.render import Templates


def _bar(templates: Templates) -> None:
    """Lay out the bar: brand, screens, state of the live connection, account menu."""

    async def account(session: PanelSession, _: Payload) -> Answer:
        words = [word for word in session.me.name.split() if word]
        return Answer(
            fragments={"account": templates.render("account.html", me=session.me)},
            facts={"initials": "".join(w[0] for w in words[:2]).upper(), "role": session.me.role.value},
        )

    gr.HTML(
        html_template=templates.source("shell.html"),
        js_on_load='import("/static/shell.js").then((m) => m.start(element, server));',
        apply_default_css=False,
        elem_id="bar",
        server_functions=[answering(account, "account")],
    )


def _theme() -> gr.themes.Base:
    """Return a theme that names local fonts only; `static/panel.css` sets the colours."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="gray",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
        radius_size="sm",
        spacing_size="sm",
        text_size="sm",
    )


def build_blocks(settings: Settings, templates: Templates) -> gr.Blocks:
    """Return the page."""
    blocks: gr.Blocks
    with gr.Blocks(title="WAXOS", analytics_enabled=False, fill_height=True, fill_width=True) as blocks:
        _bar(templates)
        desk.build(templates)
        knowledge.build(settings, templates)
        proposals.build(settings, templates)
        channels.build(templates)
        privacy.build(templates)
    blocks.queue(default_concurrency_limit=None, api_open=False)
    return blocks


def build_app(settings: Settings, templates: Templates) -> FastAPI:
    """Return an application that serves the page under `/panel`; `ui.guard` must stand before it."""

    def signed_in(request: gr.Request) -> str | None:
        session: PanelSession | None = request.scope.get(SESSION_KEY)
        return str(session.me.user_id) if session else None

    app: FastAPI = gr.mount_gradio_app(
        FastAPI(openapi_url=None, docs_url=None, redoc_url=None),
        build_blocks(settings, templates),
        path=PANEL,
        auth_dependency=signed_in,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        max_file_size=f"{settings.api.max_upload_mb}mb",
        theme=_theme(),
    )
    return app

"""Options that every command which asks the API takes."""

from typing import Annotated

import typer

Url = Annotated[str | None, typer.Option("--url", help="Address of the API; WAXOS_UI__API_URL otherwise.")]
Email = Annotated[
    str | None,
    typer.Option("--email", help="Sign in as this member; otherwise as the admin that `waxos up` made here."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON: one object, for `--file` one a line.")]

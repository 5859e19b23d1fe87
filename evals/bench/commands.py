"""`waxos bench …`: one command a benchmark; add the next one here."""

import typer

from evals.bench.aal import aal
from evals.bench.drafts import drafts
from evals.bench.knowledge import knowledge
from evals.bench.search import search
from evals.bench.send import send
from evals.bench.wrongchat import wrongchat

app = typer.Typer(help="Measure WAXOS on this machine.", no_args_is_help=True)
app.callback()(lambda: None)
app.command()(aal)
app.command()(drafts)
app.command()(knowledge)
app.command()(search)
app.command()(send)
app.command()(wrongchat)

"""Makes a fresh key for WAXOS_AUTH__SIGNING_KEY or WAXOS_AUTH__DIRECTORY_KEY."""

import typer

from core.security.keys import new_key


def make() -> None:
    """Print 32 random bytes in base64url."""
    typer.echo(new_key())

"""What can happen to a run that no agent is to blame for."""

from core.errors import Conflict


class ClaimLost(Conflict):
    """The lease ran out and another worker goes on with the run: this one may write nothing more."""

    code, title = "claim_lost", "Another worker has this run"

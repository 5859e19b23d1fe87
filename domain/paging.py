"""Cursors of the lists that are handed out page by page."""

from uuid import UUID

from core.errors import InvalidInput


def before_of(cursor: str | None) -> UUID | None:
    """Return the id that a page of a list, newest first, begins below; None for the first page.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise not_ours() from None


def not_ours() -> InvalidInput:
    """Return the refusal of a cursor that no list gave out."""
    return InvalidInput("The cursor is not one that this list gave out.", hint="Begin again without a cursor.")

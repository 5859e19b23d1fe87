"""What the box must hold; what a bubble may show instead is `core.contracts.texts.same_on_page`."""


def same_in_box(approved: str, paragraphs: list[str] | None) -> bool:
    """Tell whether the box holds exactly the approved text, paragraph by paragraph."""
    return "\n".join(paragraphs or []) == approved

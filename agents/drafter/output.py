"""What a model has to return, with passages by number: a model copies a small number more surely than an id."""

from pydantic import BaseModel, Field


class CitedClaim(BaseModel):
    """One thing that the reply says."""

    text: str = Field(description="the claim, as the reply says it")
    passages: list[int] = Field(description="numbers of the passages that carry it")


class DraftOutput(BaseModel):
    """The facts of a reply."""

    parts: list[str] = Field(
        description="the reply: one message, or up to three short ones; empty when nothing is known"
    )
    claims: list[CitedClaim] = Field(description="every factual statement of the parts")
    missing: list[str] = Field(description="questions that the passages do not answer")
    confidence: float = Field(ge=0, le=1, description="how sure you are that the reply answers what was asked")

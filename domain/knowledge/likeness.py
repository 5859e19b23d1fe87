"""How near a model sets texts that have nothing to do with each other: what a cosine means differs from model to model."""

from itertools import combinations

from core.aal.ports import Embedder

_UNRELATED = (
    "the bus leaves from the north gate.",
    "water boils at one hundred degrees.",
    "her brother plays the violin in an orchestra.",
    "the invoice was paid last week.",
    "snow covered the mountain road.",
    "we planted two apple trees.",
    "the screen shows a blue light.",
    "he lost his passport at the airport.",
    "bread rises before it is baked.",
    "the committee voted against the plan.",
    "please close the window at night.",
    "the old bridge is made of stone.",
)


async def usual_cosine(embedder: Embedder) -> float:
    """Return the mean cosine of a dozen texts that share no subject.

    Raises:
        ProviderError: the model does not answer.
    """
    vectors = await embedder.embed(list(_UNRELATED))
    pairs = [sum(x * y for x, y in zip(a, b, strict=True)) for a, b in combinations(vectors, 2)]
    return sum(pairs) / len(pairs)

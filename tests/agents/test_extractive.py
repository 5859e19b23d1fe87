"""The desk without a provider, end to end over labelled questions; floors are a little under what was measured."""

import pytest

from tests.agents.extractive_eval import Tally, run


@pytest.fixture(scope="module")
async def development() -> Tally:
    return await run("dev")


@pytest.fixture(scope="module")
async def heldout() -> Tally:
    return await run("heldout")


class TestDevelopment:
    """The split that thresholds were set on."""

    def test_answers_what_is_known(self, development: Tally) -> None:
        assert development.hit_rate >= 0.82
        assert development.wrong_rate <= 0.06

    def test_says_what_is_not_known(self, development: Tally) -> None:
        assert development.false_rate <= 0.08

    def test_what_it_says_passes_the_checks(self, development: Tally) -> None:
        assert development.passed_rate >= 0.97


class TestHeldOut:
    """Businesses that nothing was tuned on."""

    def test_answers_what_is_known(self, heldout: Tally) -> None:
        assert heldout.hit_rate >= 0.78
        assert heldout.wrong_rate <= 0.07

    def test_says_what_is_not_known(self, heldout: Tally) -> None:
        assert heldout.false_rate <= 0.08

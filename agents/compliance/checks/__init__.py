"""The checks in the order they run. One more is a function `(case) -> findings` in a module here, and a line in `ALL`."""

from agents.compliance.checks.answer import answers, stance
from agents.compliance.checks.base import Check
from agents.compliance.checks.form import empty_or_long, other_language, uncertain_language
from agents.compliance.checks.leaks import foreign_contacts, secrets
from agents.compliance.checks.reading import injection, late, unreadable, urgent
from agents.compliance.checks.support import facts_supported, free_of_charge, names_supported, negation, wording
from agents.compliance.checks.voice import claims_to_be_human, promises

ALL: tuple[Check, ...] = (
    Check("urgent", 1, urgent),
    Check("unreadable", 1, unreadable),
    Check("late", 1, late),
    Check("injection", 1, injection),
    Check("form", 1, empty_or_long),
    Check("secrets", 1, secrets),
    Check("contacts", 1, foreign_contacts),
    Check("facts", 2, facts_supported),
    Check("free", 1, free_of_charge),
    Check("names", 2, names_supported),
    Check("negation", 2, negation),
    Check("wording", 2, wording),
    Check("answer", 1, answers),
    Check("stance", 1, stance),
    Check("promise", 1, promises),
    Check("human_claim", 1, claims_to_be_human),
    Check("language", 1, other_language),
    Check("language_unsure", 1, uncertain_language),
)

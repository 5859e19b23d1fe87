"""The checks in the order they run. One more is a function `(case) -> findings` in a module here, and a line in `ALL`."""

from agents.compliance.checks.base import Check
from agents.compliance.checks.form import empty_or_long, other_language, uncertain_language
from agents.compliance.checks.leaks import foreign_contacts, secrets
from agents.compliance.checks.reading import injection, unreadable, urgent
from agents.compliance.checks.support import facts_supported, names_supported, negation, wording
from agents.compliance.checks.voice import claims_to_be_human, promises

ALL: tuple[Check, ...] = (
    Check("urgent", 1, urgent),
    Check("unreadable", 1, unreadable),
    Check("injection", 1, injection),
    Check("form", 1, empty_or_long),
    Check("secrets", 1, secrets),
    Check("contacts", 1, foreign_contacts),
    Check("facts", 1, facts_supported),
    Check("names", 1, names_supported),
    Check("negation", 1, negation),
    Check("wording", 1, wording),
    Check("promise", 1, promises),
    Check("human_claim", 1, claims_to_be_human),
    Check("language", 1, other_language),
    Check("language_unsure", 1, uncertain_language),
)

"""Phone numbers, in the one form that compares."""

import phonenumbers


def e164(text: str | None) -> str | None:
    """Return an international number as + and digits; none where the text is not a number that somebody can have.

    Without + nobody can tell the country, so such a number is none.
    """
    try:
        number = phonenumbers.parse(text or "", None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

"""Redaction: nothing that tells who the customer is is left, and what a business says of itself is."""

import pytest

from agents.historian.redaction import Redactor
from tests.agents.historian.chats import past


def _redacted(text: str, *others: str, names: tuple[str, ...] = ("Carla Mendes",), language: str = "en") -> str:
    chat = past(text, *others, names=names)
    redactor = Redactor(chat, language)
    return redactor.message(chat.messages[0]).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to carla.m@example.com", "write to [email]"),
        ("call +351 912 345 678 or 912345678.", "call [phone] or [number]."),
        ("call me: (555) 010-0199", "call me: [phone]"),
        ("tel:912345678", "tel:[number]"),
        ("رقمي ٠٥٥١٢٣٤٥٦٧", "رقمي [number]"),
        ("my card is 4111 1111 1111 1111", "my card is [account]"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [account] please"),
        ("order 10023456", "order [number]"),
        ("the code is 482913", "the code is [number]"),
        ("send it to 12 Rose Street", "send it to [address]"),
        ("I live at Hauptstraße 12", "I live at [address]"),
        ("rua das Flores 25", "[address]"),
        ("my password is hunter22", "my [secret]"),
        ("see https://example.com/u/carla?token=1", "see [link]"),
        ("I am @carla_m there", "I am [name] there"),
        ("Carla here, Carla Mendes", "[name] here, [name]"),
        ("it is for CARLA", "it is for [name]"),
    ],
)
def test_what_tells_who_somebody_is_goes(text: str, expected: str) -> None:
    assert _redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,250.50 EUR.",
        "We are open from 9:00 to 18:30.",
        "On 13.05.2024 at 10 am",
        "10 % off for 2 people",
        "Scarlatti is Italian",
    ],
)
def test_what_tells_nothing_of_a_person_stays(text: str) -> None:
    assert _redacted("> " + text) == text


def test_links_of_the_business_stay_without_what_names_a_visitor() -> None:
    assert _redacted("> See https://example.com/menu") == "See https://example.com/menu"
    assert _redacted("> Track: https://example.com/t?order=77") == "Track: https://example.com/t[link]"


@pytest.mark.parametrize(
    ("language", "shown", "text", "expected"),
    [
        ("en", "Hi, my name is ana lopez and I need help", "Is Ana there?", "Is [name] there?"),
        ("en", "> Hi Teresa, how can we help?", "teresa speaking", "[name] speaking"),
        ("en", "> Good morning Mrs. Okafor!", "Okafor it is", "[name] it is"),
        ("es", "Hola, me llamo Lucía Gómez", "soy Lucía", "soy [name]"),
        ("pt", "Bom dia, meu nome é Tiago", "O Tiago agradece", "O [name] agradece"),
        ("de", "Guten Tag, ich heiße Jürgen Krüger", "Gruß Krüger", "Gruß [name]"),
        ("fr", "Bonjour, je m’appelle Zoé", "c'est Zoé", "c'est [name]"),
        ("it", "Salve, mi chiamo Chiara", "per Chiara", "per [name]"),
        ("ru", "Здравствуйте, меня зовут Анна", "передайте Анне", "передайте [name]"),
        ("tr", "Merhaba, benim adım Emre", "Emre'nin siparişi", "[name]'nin siparişi"),
        ("ar", "مرحبا اسمي ليلى", "ليلى هنا", "[name] هنا"),
        ("zh", "你好，我叫李雷", "李雷的订单", "[name]的订单"),
        ("zh", "我叫李雷想问一下价格", "李雷的订单", "[name]的订单"),
    ],
)
def test_names_are_learnt_from_what_both_say(language: str, shown: str, text: str, expected: str) -> None:
    assert _redacted(text, shown, names=("+351 912 345 678",), language=language) == expected


def test_a_name_that_is_a_word_goes_with_a_capital_only() -> None:
    assert _redacted("Will will come", names=("Will",)) == "[name] will come"


def test_what_may_be_a_name_goes_with_a_capital_only() -> None:
    assert _redacted("I'm Sunny", "sunny days, Sunny", names=("+351 912 345 678",)) == "I'm [name]"
    assert _redacted("sunny days, Sunny", "I'm Sunny", names=("+351 912 345 678",)) == "sunny days, [name]"


def test_nobody_is_called_like_what_follows_a_greeting() -> None:
    others = ("> Hello, thanks for writing!", "> Hi there!", "> Good morning, We are open today.")
    assert _redacted("> thanks there we open", *others) == "thanks there we open"


def test_authors_are_gone_and_what_went_is_counted() -> None:
    chat = past("I am Carla, carla@example.com")
    redactor = Redactor(chat, "en")
    assert redactor.message(chat.messages[0]).author is None
    assert dict(redactor.counts) == {"name": 1, "email": 1}

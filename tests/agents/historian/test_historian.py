"""Learning from a past chat: what can be asked again is proposed, what was about one customer or one moment is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agents.historian import learn
from core.aal.language import LanguageDetector
from core.contracts.history import PastChat, PastKind
from tests.agents.historian.chats import START, past


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


TALK = "> We are glad to help you with whatever you need from our little shop."


def _answers(detector: LanguageDetector, *said: str) -> list[tuple[str, str]]:
    return [(found.question, found.answer) for found in learn(past(TALK, *said), detector).answers]


def test_a_question_and_what_answered_it(detector: LanguageDetector) -> None:
    replies = ["> Hi Carla, yes, we deliver to every island for 9 EUR.", "> It takes three days."]
    found = _answers(detector, "Hi, Carla here!", "Do you deliver to the islands?", *replies, "Thank you!")
    assert found == [
        ("Do you deliver to the islands?", "yes, we deliver to every island for 9 EUR.\nIt takes three days.")
    ]


@pytest.mark.parametrize(
    "said",
    [
        ["Where is my parcel?", "> It left our house this morning at nine."],
        ["How much is it?", "> It costs 20 EUR with the box."],
        ["Do you gift wrap the cups?", "> Which cups do you mean?"],
        ["Do you gift wrap the cups?", "> Let me check that for you"],
        ["Do you gift wrap the cups?", "> Yes", "> Thanks!"],
        ["Do you gift wrap the cups?", "> Yes, I wrapped those of order 1002345 already."],
        ["Do you gift wrap the cups? Do you deliver to the islands?", "> Yes, we do that too."],
        ["Can Carla Mendes collect the cups?", "> Yes, anybody with the slip can."],
        ["Do you gift wrap the cups?", "> Of course, Carla, we wrap them."],
        ["Thanks a lot!", "> You are welcome, come again."],
    ],
    ids=[
        "live",
        "leaning",
        "asked back",
        "holding",
        "bare yes",
        "number",
        "two questions",
        "about a person",
        "to a person",
        "thanks",
    ],
)
def test_what_helps_nobody_else_is_left_out(detector: LanguageDetector, said: list[str]) -> None:
    assert _answers(detector, *said) == []


def test_what_was_shown_in_a_picture_is_not_understood(detector: LanguageDetector) -> None:
    chat = past(TALK, "Do you gift wrap the cups?", "> Yes, in paper of your choice.")
    assert len(learn(chat, detector).answers) == 1
    shown = [chat.messages[0], replace(chat.messages[1], kind=PastKind.MEDIA), chat.messages[2]]
    learnt = learn(PastChat(shown, chat.business, chat.names), detector)
    assert learnt.answers == []
    assert learnt.cases == []


def test_an_answer_days_later_or_after_silence_belongs_to_nothing(detector: LanguageDetector) -> None:
    chat = past("Do you gift wrap the cups?", "> Yes, in paper of your choice.", minutes=5 * 24 * 60)
    assert learn(chat, detector).answers == []


def test_the_automatic_greeting_is_no_answer(detector: LanguageDetector) -> None:
    away = ">> Thank you for writing to the corner cafe, we will be with you soon."
    said = [
        "Do you gift wrap the cups?",
        away,
        "Are dogs allowed inside?",
        away,
        "Is the terrace heated in winter?",
        away,
    ]
    learnt = learn(past(*said, "> Yes, it is heated all winter.", minutes=7 * 60), detector)
    assert [found.answer for found in learnt.answers] == ["Yes, it is heated all winter."]
    assert learnt.tone.messages == 1


def test_what_staff_paste_again_and_again_is_an_answer(detector: LanguageDetector) -> None:
    said = ["Do you gift wrap the cups?", "> Yes, in paper of your choice."] * 3
    assert len(learn(past(*said, minutes=7 * 60), detector).answers) == 3


def test_the_same_chat_gives_the_same_sightings(detector: LanguageDetector) -> None:
    said = ("Do you gift wrap the cups?", "> Yes, in paper of your choice.", TALK)
    first, again = (learn(past(*said), detector) for _ in range(2))
    other = learn(past(*said, start=START + timedelta(days=1)), detector)
    assert [a.sighting for a in first.answers] == [a.sighting for a in again.answers]
    assert {a.sighting for a in first.answers}.isdisjoint(a.sighting for a in other.answers)
    assert [c.sighting for c in first.cases] == [c.sighting for c in again.cases]


def test_signatures_tell_questions_apart(detector: LanguageDetector) -> None:
    said = [
        "Do you deliver to the islands?", "> Yes, we deliver there for 9 EUR.", "Do you deliver on Sundays?", "> No, only on weekdays.",
        "do you deliver to islands", "> Yes, we deliver there for 9 EUR.",
    ]  # fmt: skip
    islands, sundays, again = (set(found.signature) for found in learn(past(TALK, *said), detector).answers)
    assert islands == again
    assert islands != sundays


@pytest.mark.parametrize(
    ("language", "question", "answer", "more"),
    [
        (
            "es",
            "¿Tienen mesas en la terraza?",
            "Sí, tenemos seis mesas en la terraza.",
            "Estamos encantados de ayudarle con lo que necesite.",
        ),
        (
            "pt",
            "Vocês entregam em Cascais?",
            "Sim, entregamos em Cascais por 3 euros.",
            "Estamos aqui para ajudar no que for preciso.",
        ),
        (
            "de",
            "Haben Sie glutenfreies Brot?",
            "Ja, jeden Dienstag und Freitag frisch.",
            "Wir freuen uns auf Ihren Besuch bei uns im Laden.",
        ),
        (
            "fr",
            "Avez-vous un parking ?",
            "Oui, derrière la maison, il y a dix places.",
            "Nous sommes ravis de vous aider dans notre boutique.",
        ),
        (
            "it",
            "Avete piatti vegetariani?",
            "Sì, abbiamo quattro piatti vegetariani.",
            "Siamo felici di aiutarla quando vuole nel nostro negozio.",
        ),
        (
            "tr",
            "Kargo ücreti ne kadar?",
            "Kargo ücreti 40 lira, iki günde gelir.",
            "Size yardımcı olmaktan mutluluk duyarız.",
        ),
        (
            "ru",
            "Сколько стоит доставка?",
            "Доставка стоит 300 рублей по городу.",
            "Мы всегда рады помочь вам в нашем магазине.",
        ),
        ("ar", "كم سعر التوصيل؟", "سعر التوصيل داخل المدينة عشرة دراهم فقط.", "نحن سعداء بخدمتكم في متجرنا دائما."),
        ("zh", "你们送货多少钱？", "市内送货十块钱，两天送到。", "我们很高兴为您服务，欢迎再来。"),
    ],
)
def test_each_tier_1_language(detector: LanguageDetector, language: str, question: str, answer: str, more: str) -> None:
    learnt = learn(past(question, f"> {answer}", f"> {more}", names=("+351 912 345 678",)), detector)
    assert learnt.language == language
    assert [found.question for found in learnt.answers] == [question]
    assert learnt.answers[0].answer.startswith(answer)


def test_the_tone_is_counted(detector: LanguageDetector) -> None:
    said = [
        "Bonjour", "> Bonjour Claire 😊 comment puis-je vous aider ?", "Vous êtes ouverts ?",
        "> Oui, nous vous attendons.\nL'équipe du Fleuriste", "Merci", "> Avec plaisir, votre commande est prête.",
    ]  # fmt: skip
    tone = learn(past(*said, names=("Claire",)), detector).tone
    assert (tone.messages, tone.with_emoji, tone.openings) == (3, 1, 1)
    assert tone.greetings == {"bonjour": 1}
    assert tone.closings == {"L'équipe du Fleuriste": 1}
    assert (tone.formal, tone.casual) == (3, 0)
    assert sum(tone.lengths.values()) == 3
    assert all(length % 20 == 0 for length in tone.lengths)


def test_cases_hold_what_came_before_and_nothing_of_the_customer(detector: LanguageDetector) -> None:
    said = [
        "Hi, this is Carla", "> Hi Carla, how can we help you today?", "Are dogs allowed? Call me on +351 912 345 678",
        "> Yes, dogs are welcome, Carla.",
    ]  # fmt: skip
    learnt = learn(past(*said), detector)
    case = learnt.cases[-1]
    assert [turn.text for turn in case.history] == ["Hi, this is [name]", "Hi [name], how can we help you today?"]
    assert case.burst == ["Are dogs allowed? Call me on [phone]"]
    assert case.reply == ["Yes, dogs are welcome, [name]."]
    kept = learnt.model_dump_json()
    assert "Carla" not in kept
    assert "912 345" not in kept
    assert learnt.redacted == {"name": 3, "phone": 1}

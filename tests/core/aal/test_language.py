"""The language of short chats: right or uncertain, never confidently wrong."""

import pytest

from core.aal.language import LanguageDetector, tier_of
from core.contracts.states import Tier

SURE = [
    ("Hi", "en"),
    ("Do you open on Sunday?", "en"),
    ("price?", "en"),
    ("do u have parking", "en"),
    ("¿Hacen limpieza dental?", "es"),
    ("cuanto cuesta", "es"),
    ("Vocês consertam bicicletas elétricas?", "pt"),
    ("Repariert ihr auch E-Bikes?", "de"),
    ("Wie viel kostet die Reinigung", "de"),
    ("Vous êtes ouverts le dimanche ?", "fr"),
    ("Ciao, siete aperti domenica?", "it"),
    ("هل أنتم مفتوحون يوم الجمعة؟", "ar"),
    ("Merhaba fiyat ne kadar", "tr"),
    ("Pazar günü açık mısınız?", "tr"),
    ("Сколько стоит чистка?", "ru"),
    ("你们几点开门", "zh"),
    ("आप कब खुलते हैं", "hi"),
    ("kya aap kal khule ho", "hi-Latn"),
    ("Apakah buka hari minggu?", "id"),
    ("Mnafungua saa ngapi?", "sw"),
    ("Wat kost een onderhoudsbeurt?", "nl"),
    ("営業時間を教えてください", "ja"),
]


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


@pytest.mark.parametrize(("text", "tag"), SURE)
def test_sure(text: str, tag: str, detector: LanguageDetector) -> None:
    assert detector.detect(text).tag == tag


@pytest.mark.parametrize("text", ["", "👍👍", "12345", "https://example.com/x", "Ana", "Sencha Gold 50g"])
def test_uncertain(text: str, detector: LanguageDetector) -> None:
    found = detector.detect(text)
    assert found.tag is None
    assert found.tier is Tier.UNKNOWN


@pytest.mark.parametrize(("text", "tag"), [("quanto custa a limpeza?", "pt"), ("Was kostet das?", "de")])
def test_close_relatives_are_right_or_uncertain(text: str, tag: str, detector: LanguageDetector) -> None:
    assert detector.detect(text).tag in {tag, None}


def test_tiers() -> None:
    assert tier_of("pt-BR") is Tier.ONE
    assert tier_of("hi-Latn") is Tier.TWO
    assert tier_of("nl") is Tier.UNKNOWN
    assert tier_of(None) is Tier.UNKNOWN

"""A paper of trade is known by its labels and its title in languages that were never learned, and doubted in time."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from extractor.bundle import BUILT_IN
from extractor.classify.classifier import UNKNOWN, TypeGuess
from extractor.classify.papers import DOUBTFUL, Judge, Papers, Sample, held_out_logits, learn_papers
from extractor.classify.profile import length, profile
from extractor.doctypes import load_document_types
from extractor.recognise import Recogniser
from models.nets.bundle import Bundle
from models.values import Page
from tests.extractor.fields.documents import page_of

WORDS = {
    "en": ("INVOICE", "DELIVERY NOTE", "Invoice No", "Due Date", "Subtotal", "Amount due", "Delivery date"),
    "de": ("RECHNUNG", "LIEFERSCHEIN", "Rechnungsnummer", "Zahlbar bis", "Nettobetrag", "Gesamtbetrag", "Lieferdatum"),
    "fr": ("FACTURE", "BON DE LIVRAISON", "Facture n°", "Échéance", "Total HT", "Net à payer", "Date de livraison"),
    "hu": ("SZÁMLA", "SZÁLLÍTÓLEVÉL", "Számlaszám", "Fizetési határidő", "Nettó összesen", "Fizetendő", "Teljesítés"),
}


def paper(language: str, rng: random.Random, *, is_invoice: bool) -> Page:
    title, other, number, due, net, total, delivered = WORDS[language]
    amount = rng.randint(10, 900)
    rows = [title if is_invoice else other, f"Acme {rng.randint(1, 99)} Ltd", f"{number}: {rng.randint(1000, 9999)}"]
    rows += [f"{due}: 0{rng.randint(1, 9)}.05.2026"] if is_invoice else [f"{delivered}: 01.05.2026"]
    rows += [f"Thing {n}   {rng.randint(1, 9)}   pcs" for n in range(rng.randint(1, 6))]
    if is_invoice:
        rows += [f"{net}   {amount}.00", f"20 %   {amount * 0.2:.2f}", f"{total}   {amount * 1.2:.2f}"]
    return page_of(rows)


def samples(languages: Sequence[str], count: int) -> list[Sample]:
    rng = random.Random(7)
    made = [(language, bool(n % 2)) for language in languages for n in range(count)]
    return [
        Sample("invoice" if right else UNKNOWN, language, profile([paper(language, rng, is_invoice=right)]))
        for language, right in made
    ]


@pytest.fixture(scope="module")
def papers() -> Papers:
    learned = learn_papers(samples(("en", "de", "fr"), 40), ["invoice"], 1)
    assert learned is not None
    return learned


def test_a_profile_has_one_length() -> None:
    assert len(profile([page_of(["Bill"])])) == length()


def test_an_invoice_in_a_language_that_nobody_taught_is_called_so(papers: Papers) -> None:
    rng = random.Random(3)
    unknown = TypeGuess(UNKNOWN, 0.99)
    found = [papers.judged(unknown, [paper("hu", rng, is_invoice=True)]) for _ in range(8)]
    assert {guess.name for guess in found} == {"invoice"}
    assert min(guess.confidence for guess in found) >= 0.5
    others = [papers.judged(unknown, [paper("hu", rng, is_invoice=False)]) for _ in range(8)]
    assert {guess.name for guess in others} == {UNKNOWN}


def test_what_the_words_call_an_invoice_and_its_judge_does_not_is_unknown(papers: Papers) -> None:
    guess = papers.judged(TypeGuess("invoice", 0.9), [page_of(["MENU", "Soup of the day", "Apple cake"])])
    assert guess.name == UNKNOWN
    assert guess.confidence > 0.5


def test_another_type_that_the_words_know_stays(papers: Papers) -> None:
    guess = TypeGuess("receipt", 0.8)
    assert papers.judged(guess, [paper("en", random.Random(1), is_invoice=True)]) == guess


def test_a_doubtful_type_is_named_with_its_doubt(papers: Papers) -> None:
    weights = np.zeros(length() + 1)
    for wanted in (DOUBTFUL + 0.1, DOUBTFUL - 0.1):
        unsure = Judge(
            "invoice", np.zeros(length()), np.ones(length()), weights, 1.0, float(np.log(wanted / (1 - wanted)))
        )
        found = Papers((unsure,), papers.samples).judged(TypeGuess(UNKNOWN, 0.9), [page_of(["Bill"])])
        assert (found.name == "invoice") == (wanted > DOUBTFUL)
        assert found.confidence == pytest.approx(wanted if wanted > DOUBTFUL else 0.9)


@pytest.mark.parametrize(
    "text",
    [
        ["zzz"],
        ["CONFIDENTIAL"],
        ["Hello world"],
        ["QWERT ZUIOP ASDFG"],
        ["Dear Sir or Madam", "please find attached the minutes of our meeting", "kind regards", "Maria Keller"],
        ["Curriculum vitae", "Name Anna Berg", "Date of birth 12.03.1988", "Nationality Swedish", "Sex F"],
        ["12 344 5556 88 123 9981 22 1"],
    ],
    ids=lambda rows: rows[0],
)
def test_what_says_next_to_nothing_is_unknown(text: list[str]) -> None:
    """With the bundle that ships: no judge takes a sheet without any label of trade for its type."""
    recogniser = Recogniser.from_bundle(Bundle.load(BUILT_IN), load_document_types(None))
    guess = recogniser.guess_type([page_of(text)])
    assert guess.name == "unknown"
    assert guess.confidence > 0.5


def test_without_strangers_there_is_no_judge() -> None:
    few = [s for s in samples(("en", "de"), 40) if s.document_type == "invoice"]
    assert learn_papers(few, ["invoice"], 1) is None


def test_a_bundle_keeps_judges_and_no_names_of_groups(papers: Papers) -> None:
    again = Papers.from_parts(papers.to_parts())
    numbers = profile([paper("de", random.Random(5), is_invoice=True)])
    assert again.judges[0].confidence(numbers) == pytest.approx(papers.judges[0].confidence(numbers), abs=1e-3)
    assert {sample.group for sample in again.samples} == {"0", "1", "2"}


def test_every_group_is_judged_by_those_that_did_not_see_it() -> None:
    rows = samples(("en", "de", "fr", "hu"), 40)
    right = np.array([row.document_type == "invoice" for row in rows])
    logits = held_out_logits(rows, np.stack([row.numbers for row in rows]).astype(np.float64), right.astype(float), 1)
    assert (logits[right] >= 0).mean() > 0.95
    assert (logits[~right] >= 0).mean() < 0.05

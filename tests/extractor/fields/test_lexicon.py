"""The words that are counted: common ones by themselves, all others by their outline."""

from __future__ import annotations

import numpy as np
import pytest

from extractor.fields.labels import goal_of
from extractor.fields.layout import lay_out, outline
from extractor.fields.scoring.features import make_scene
from extractor.fields.scoring.lexicon import LEAST_OUTLINE, Cells, Counts, Vocabulary, Words, features, share_of
from extractor.fields.scoring.trees import Case, values_of
from models.doctype import Kind
from tests.extractor.fields.documents import BILL, bill, page_of


@pytest.mark.parametrize(
    ("text", "seen_as"),
    [
        ("L4-17,", "A0-00,"),
        ("40150", "00000"),
        ("F", "A"),
        ("Jalan", "AAA"),
        ("SELANGOR.", "AAA."),
        ("No.41G,Jln", "AA.00A,A"),
        ("Größe", "AAA"),
        ("!", "!"),
    ],
)
def test_an_outline_is_a_word_from_afar(text: str, seen_as: str) -> None:
    assert outline(text) == seen_as


LAYOUTS = [lay_out([page_of([f"JALAN {chr(76 + n)}{n}-1{n}", f"Word{chr(97 + n)}"])]) for n in range(LEAST_OUTLINE)]
STRANGER = lay_out([page_of(["JALAN U9-99 Xyzz ((("])])


def test_common_words_are_known_and_others_by_their_outline() -> None:
    vocabulary = Vocabulary.of(LAYOUTS, 5)
    jalan, lot, word, sign, nothing = vocabulary.ids(STRANGER).tolist()
    known, outlines = len(vocabulary.hashes), len(vocabulary.outlines)
    assert jalan < known
    assert known <= lot < known + outlines
    assert known <= word < known + outlines
    assert (sign, nothing) == (known + outlines, known + outlines + 1)  # unknown, and no word there
    assert vocabulary.size == known + outlines + 2


def test_words_of_one_outline_are_counted_as_one() -> None:
    vocabulary = Vocabulary.of(LAYOUTS, 5)
    words = {int(vocabulary.ids(layout)[2]) for layout in LAYOUTS}
    assert len(words) == 1


def test_where_every_word_is_known_no_outline_is() -> None:
    vocabulary = Vocabulary.of(LAYOUTS, 1)
    assert len(vocabulary.outlines) == 0
    assert vocabulary.ids(STRANGER)[1] == len(vocabulary.hashes)


def test_a_vocabulary_of_nothing_knows_nothing() -> None:
    vocabulary = Vocabulary.of([], 5)
    assert np.array_equal(vocabulary.ids(STRANGER), [0, 0, 0, 0, 1])


def test_a_document_is_scored_without_its_own_counts_as_if_it_had_never_been_counted() -> None:
    documents = [bill(n) for n in range(6)]
    scenes = [make_scene(d.pages, BILL) for d in documents]
    vocabulary = Vocabulary.of([s.layout for s in scenes], 1)
    cases = []
    for document, scene in zip(documents, scenes, strict=True):
        goal = goal_of(document.labels["seller"], scene, BILL.field("seller"), BILL)
        assert goal is not None
        table = scene.tables[Kind.NAME]
        words = Words.of(table, vocabulary.ids(scene.layout))
        cases.append(Case(table, words, Cells.of(words, vocabulary.size), goal))
    values = values_of(cases)
    shares = [share_of(c.table, c.cells, c.goal.positives(len(c.table)), c.goal.keys, values) for c in cases]
    every, others = (Counts.zero(vocabulary.size, values) for _ in range(2))
    for share in shares:
        every.add(share)
    for share in shares[1:]:
        others.add(share)
    odds = every.log_odds()
    every.add(shares[0], -1.0)
    case = cases[0]
    every.fill_log_odds(odds, case.cells.read)
    found, wanted = (
        features(case.table, case.words, table, counts.seen(case.table))
        for table, counts in ((odds, every), (others.log_odds(), others))
    )
    assert np.allclose(found, wanted, atol=1e-5)
    assert not np.allclose(found, features(case.table, case.words, np.zeros_like(odds), others.seen(case.table)))

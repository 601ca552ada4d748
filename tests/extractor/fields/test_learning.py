"""A type is learnt from a few documents: values, absence, several values, confidence; and it survives a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from extractor.effort import spending
from extractor.fields import FieldModel, Label, TrainingDocument, learn_fields
from extractor.fields.scoring import scorers
from extractor.kinds import same
from models.values import Reading, ValueState
from tests.extractor.fields.documents import BILL, bill, page_of

TRAINING = [bill(n) for n in range(20)]
FRESH = [bill(n) for n in range(100, 112)]


@pytest.fixture(scope="module")
def short_training() -> Iterator[None]:
    with spending(trees=30, folds=3, first_steps=50, steps_per_document=1):
        yield


@pytest.fixture(scope="module")
def model(short_training: None) -> FieldModel:
    return learn_fields(TRAINING, BILL, seed=1, progress=lambda stage, share: None)


def _readings(model: FieldModel, document: TrainingDocument) -> dict[str, Reading]:
    return {r.field: r for r in model.read(document.pages)}


def _share_right(model: FieldModel, name: str) -> float:
    right = 0
    for document in FRESH:
        reading, label = _readings(model, document)[name], document.labels[name]
        assert label is not None
        gold = model.doctype.field(name)
        if label.state is ValueState.ABSENT:
            right += reading.state is ValueState.ABSENT
        else:
            value = label.value if name != "day" else _iso(str(label.value))
            right += same(gold.kind, reading.value, value)
    return right / len(FRESH)


def _iso(day: str) -> str:
    return "-".join(reversed(day.split("/")))


@pytest.mark.parametrize("name", ["seller", "day", "total"])
def test_values_of_new_documents_are_read(model: FieldModel, name: str) -> None:
    assert _share_right(model, name) >= 0.9


def test_absence_is_learnt(model: FieldModel) -> None:
    assert _share_right(model, "voucher") >= 0.9


def test_several_values_are_read(model: FieldModel) -> None:
    assert _share_right(model, "guests") >= 0.7
    reading = _readings(model, FRESH[0])["guests"]
    assert isinstance(reading.value, list)
    assert [i.value for i in reading.items] == reading.value
    assert all(i.box is not None and i.confidence == reading.confidence for i in reading.items)


def test_a_reading_points_at_its_words(model: FieldModel) -> None:
    page = FRESH[0].pages[0]
    reading = _readings(model, FRESH[0])["total"]
    assert reading.page == 1
    assert reading.box is not None
    inside = [w.text for w in page.words if reading.box.contains(*w.box.centre)]
    assert inside == [reading.text]


def test_every_field_gets_one_reading_with_a_probability(model: FieldModel) -> None:
    readings = model.read(FRESH[0].pages)
    assert [r.field for r in readings] == [f.name for f in BILL.fields]
    assert all(0 < r.confidence < 1 for r in readings)


def test_of_very_many_candidates_the_trees_look_at_the_likely_ones(
    model: FieldModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [(r.field, r.value) for r in model.read(FRESH[1].pages)]
    monkeypatch.setattr(scorers, "MOST_SCORED", 12)
    assert [(r.field, r.value) for r in model.read(FRESH[1].pages)] == before


def test_an_empty_page_is_read_without_an_error(model: FieldModel) -> None:
    readings = {r.field: r for r in model.read((page_of([]),))}
    assert readings["total"].state is ValueState.NOT_FOUND
    assert readings["total"].value is None


def test_a_bundle_keeps_every_answer(model: FieldModel) -> None:
    again = FieldModel.from_parts(*model.to_parts())
    for document in FRESH[:4]:
        for before, after in zip(model.read(document.pages), again.read(document.pages), strict=True):
            assert (before.value, before.state) == (after.value, after.state)
            assert before.confidence == pytest.approx(after.confidence, abs=0.03)  # weights are kept in half precision


def test_parts_are_arrays_and_plain_data(model: FieldModel) -> None:
    import json

    tensors, texts, tables = model.to_parts()
    assert all(a.dtype.kind in "fiu" for a in tensors.values())
    assert texts == {}
    json.dumps(tables)


def test_a_model_of_other_features_is_refused(model: FieldModel) -> None:
    tensors, texts, tables = model.to_parts()
    with pytest.raises(ValueError, match="other features"):
        FieldModel.from_parts(tensors | {"mean": tensors["mean"][1:]}, texts, tables)


def test_out_of_fold_decisions_cover_every_label_once(model: FieldModel) -> None:
    labelled = {(d.id, name) for d in TRAINING for name, label in d.labels.items() if label}
    assert {(o.document, o.field) for o in model.oof} == labelled
    assert len(model.oof) == len(labelled)
    assert np.mean([o.correct for o in model.oof]) > 0.8


def test_the_same_seed_gives_the_same_model(short_training: None) -> None:
    first, second = (learn_fields(TRAINING[:4], BILL, seed=1, progress=lambda stage, share: None) for _ in range(2))
    assert first.oof == second.oof
    for name, array in second.to_parts()[0].items():
        assert np.array_equal(array, first.to_parts()[0][name]), name


@pytest.fixture(scope="module")
def sparse(short_training: None) -> FieldModel:
    """Without memory, from six documents with unlabelled fields and one without words."""
    unlabelled = [replace(d, labels=d.labels | {"total": None, "guests": None}) for d in TRAINING[:6]]
    blank = TrainingDocument("blank", "blank", "bill", (page_of([]),), {"day": Label(ValueState.FOUND, "01/02/2019")})
    return learn_fields([*unlabelled, blank], BILL, seed=1, progress=lambda stage, share: None, memory=False)


def test_unlabelled_fields_are_neither_learnt_nor_scored(sparse: FieldModel) -> None:
    assert {o.field for o in sparse.oof} == {"seller", "day", "voucher"}
    assert {r.field for r in sparse.read(FRESH[0].pages)} == {f.name for f in BILL.fields}


def test_without_memory_no_value_of_a_document_is_kept(sparse: FieldModel) -> None:
    tensors, _, tables = sparse.to_parts()
    assert tables["memory"] is None
    counts = [a for n, a in tensors.items() if n.endswith("seen_counts")]
    assert all(c.sum(axis=1).min(initial=5) >= 5 for c in counts)


def test_without_memory_rare_words_are_kept_as_outlines(sparse: FieldModel) -> None:
    again = FieldModel.from_parts(*sparse.to_parts())
    assert len(sparse.scorers.vocabulary.outlines)
    assert np.array_equal(again.scorers.vocabulary.outlines, sparse.scorers.vocabulary.outlines)


def test_a_bundle_of_before_outlines_still_opens(model: FieldModel) -> None:
    tensors, texts, tables = model.to_parts()
    again = FieldModel.from_parts({n: a for n, a in tensors.items() if n != "outlines"}, texts, tables)
    assert again.read(FRESH[0].pages)[0].value == model.read(FRESH[0].pages)[0].value


def test_a_document_without_words_does_not_stop_the_training(sparse: FieldModel) -> None:
    assert [o.correct for o in sparse.oof if o.document == "blank"] == [False]

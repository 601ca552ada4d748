"""From zero labels: courses, models kept by their training set, the gate, and what a new model is certified on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from api.commands.shared import CommandError
from api.commands.simulating import starting_point
from extractor.bundle import BUILT_IN
from extractor.effort import spending
from hitl.simulate import marks
from hitl.simulate.compare import OURS, Settings, Zero, compare
from hitl.simulate.course import course
from hitl.simulate.desk import Desk, Spent
from hitl.simulate.learning import Learned, Learner, passes
from hitl.simulate.people import TRUTH, Crowd, Model, read
from hitl.simulate.replay import Production
from hitl.simulate.rows import FieldRow, SimDocument
from hitl.workspace.policy import AuditRates, Policy
from models.doctype import KeyingMode
from models.nets.bundle import Bundle
from models.states import Fold
from tests.extractor.fields.documents import BILL, bill


def some(count: int, score: float = 0.999, wrong: bool = False) -> list[SimDocument]:
    rows = tuple(FieldRow(name, "money", score, wrong) for name in ("total", "tax"))
    return [SimDocument(f"{i}", f"{i}", rows) for i in range(count)]


def model(trained: set[str], wrong: bool, held_wrong: float = 0.0) -> Learned:
    rng = np.random.default_rng(1)
    rows = {one.name: one.fields for one in some(200, 0.97, wrong)}
    held = {name: (FieldRow("total", "money", 0.97, bool(rng.random() < held_wrong)),) for name in trained}
    return Learned("m", frozenset(trained), rows, held, 1.0)


def test_a_course_is_the_same_for_all_its_seeds():
    documents = some(50)
    one, again, other = (course(documents, [10, 30], n) for n in (1, 1, 2))
    assert one == again
    assert one.parts != other.parts
    assert [len(part) for part in one.parts] == [10, 20, 20]
    orders = [one.order(np.random.default_rng(seed)) for seed in (1, 2)]
    assert orders[0] != orders[1]
    assert {d.name for d in orders[0][:10]} == {d.name for d in orders[1][:10]}
    assert one.of_fold(Fold.TRAIN, 0) < one.of_fold(Fold.TRAIN, 1)
    assert not one.of_fold(Fold.TRAIN, 1) & one.of_fold(Fold.CERTIFY, 1)


def test_the_gate_looks_only_where_the_champion_was_not_trained():
    first, rest = {str(i) for i in range(40)}, {str(i) for i in range(40, 100)}
    champion = model(first, wrong=False)
    assert passes(model(first | rest, wrong=False), champion, [], 0.05, 0.5)
    assert not passes(model(first, wrong=False), champion, [], 0.05, 0.5)  # nothing new to compare on
    assert not passes(model(first | rest, wrong=False, held_wrong=0.3), champion, [], 0.05, 0.5)


def test_a_new_model_is_certified_on_the_certify_fold_that_came_before_it():
    folds = {d.name: fold for d, fold in zip(some(60), [Fold.CERTIFY.value, Fold.TRAIN.value] * 30, strict=True)}
    production = Production(
        Policy(audit_rate=AuditRates(accept=0.5, review=0.5)), 0.05, Crowd(read(), 8, np.random.default_rng(1)), "key",
        newer=True, fold=lambda document: folds.get(document.name, Fold.TRAIN.value),
    )  # fmt: skip
    documents = some(60)
    for document in documents:
        production.take(document)
    assert production.process.documents == 60
    production.retrained(lambda document: document.fields)
    assert (production.process.documents, production.index) == (30, 1)  # the first might not have been certified yet
    for i in range(100):
        production.take(SimDocument(f"n{i}", f"n{i}", documents[0].fields))
    assert production.process.threshold() is not None
    production.retrained(lambda document: document.fields)
    assert (production.process.documents, production.index) == (130, 1)  # the certificate in force is not given up
    assert production.shadow is not None
    assert (production.shadow.process.documents, production.shadow.index) == (30, 2)
    for i in range(300):
        production.take(SimDocument(f"m{i}", f"m{i}", documents[0].fields))
    assert (production.index, production.shadow) == (2, None)  # it accepts as much: it serves
    production.retrained(lambda document: tuple(replace(row, score=0.4) for row in document.fields))
    for i in range(40):
        production.take(SimDocument(f"o{i}", f"o{i}", documents[0].fields))
    assert production.index == 2
    assert production.shadow is not None


def test_a_machine_that_has_learned_nothing_certifies_nothing():
    read_by = {name: some(1)[0].fields for name in ("blank", "model")}
    read_by["blank"] = tuple(replace(row, score=0.0, wrong=True, found=False) for row in read_by["model"])
    production = Production(
        Policy(), 0.05, Crowd(read(), 8, np.random.default_rng(1)), "key", lambda _: read_by["blank"], newer=True
    )
    for document in some(150):
        production.take(document)
    assert (production.process.documents, production.process.threshold()) == (0, None)
    production.retrained(lambda _: read_by["model"])
    assert production.index == 1


def test_if_the_settings_say_so_the_certify_fold_alone_certifies_and_is_checked_most():
    fold = {True: Fold.CERTIFY.value, False: Fold.TRAIN.value}
    production = Production(
        Policy(), 0.05, Crowd(read(), 8, np.random.default_rng(1)), "key", newer=False,
        fold=lambda document: fold[int(document.name) % 2 == 0],
    )  # fmt: skip
    spent = [production.take(document) for document in some(60)]
    assert production.process.documents == 30
    assert all(one.audits == 2 for one in spent[::2])
    assert sum(one.audits for one in spent[1::2]) < 15
    assert np.mean([one.answers for one in spent[1::2]]) < 2.5 < np.mean([one.answers for one in spent[::2]])


def test_the_simulation_asks_the_rule_of_production(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hitl.simulate.replay.certifies", lambda fold, *, is_younger, newer: False)
    production = Production(Policy(), 0.05, Crowd(read(), 8, np.random.default_rng(1)), "key")
    for document in some(10):
        production.take(document)
    assert production.process.documents == 0


def test_audits_fall_after_a_threshold_came_into_force():
    policy = Policy()
    rates = [policy.fresh_rate(n, 0.05) for n in (0, 80, 5_000)]
    assert rates[0] == policy.audit_rate.fresh
    assert rates[1] == pytest.approx(policy.audit_rate.fresh / 2)
    assert rates[2] < policy.audit_rate.accept
    assert policy.machine_target(0.05) == pytest.approx(0.045)
    assert policy.machine_target(0.01) == pytest.approx(0.008)


def test_an_audited_field_that_one_person_agreed_on_counts_with_its_probability():
    desk = Desk(Policy(), Crowd(read(), 8, np.random.default_rng(2)))
    row = FieldRow("total", "money", 0.97, wrong=False)
    decided = [desk.decide(row, Spent(1), accepted=False, audited=True) for _ in range(50)]
    agreed = [one for one in decided if len(one.said) == 1]
    assert len(agreed) > 40
    assert all(one.gold is None and one.first_agreed and not one.is_settled for one in agreed)
    assert desk.second(row, agreed[0], Spent(1)) == TRUTH
    wrong = [desk.decide(FieldRow("total", "money", 0.97, True), Spent(1), accepted=False, audited=False)
             for _ in range(50)]  # fmt: skip
    assert np.mean([one.is_settled and one.gold == TRUTH for one in wrong]) > 0.9


def clumsy() -> Model:
    """People who err every other time, and then always as the machine does."""
    figures = read().figures
    errors = dict.fromkeys(figures["error"], 0.5)
    return Model(figures | {"error": errors, "habits": figures["habits"] | {"repeats_machine": 1.0, "skill_spread": 0}})


def found_wrong(second_keyer: str, documents: list[SimDocument]) -> tuple[float, float, int]:
    """(mean weighted loss of a document, its standard error, answers) when everything is audited."""
    policy = Policy.model_validate({"second_keyer": second_keyer, "posterior": 0.51})
    crowd = Crowd(clumsy(), 8, np.random.default_rng(4))
    production = Production(policy, 0.05, crowd, "key", fold=lambda _: Fold.CERTIFY.value)
    answers = sum(production.take(document).answers for document in documents)
    assert production.process.threshold() is None
    loss = [
        sum((label.gold == TRUTH) / label.probability for label in kept.labels) / len(kept.labels)
        for kept in production.kept
    ]
    return float(np.mean(loss)), float(np.std(loss, ddof=1)) / len(loss) ** 0.5, answers


def test_one_second_keyer_finds_as_many_errors_as_one_for_each_check():
    """Where the machine errs people are as likely to repeat it as not, so that second keyers find half of the rest."""
    fields = tuple(FieldRow(name, "money", 0.9999, True) for name in "abcd")
    documents = [SimDocument(f"{i}", f"{i}", fields) for i in range(1500)]
    (one, error, few), (each, other, many) = (found_wrong(way, documents) for way in ("one", "all"))
    assert one == pytest.approx(each, abs=3 * (error**2 + other**2) ** 0.5)
    assert one > 0.7 > 0.5 + 3 * error  # the first keyers alone would have found half
    assert few < many - 1500


def test_reviews_go_where_the_machine_doubts():
    rng = np.random.default_rng(5)
    documents = [
        SimDocument(f"{i}", f"{i}", tuple(FieldRow(n, "money", s, bool(rng.random() > s)) for n in ("total", "tax")))
        for i, s in enumerate(rng.uniform(0.5, 1.0, 300))
    ]  # fmt: skip
    policy = Policy(threshold_mode="fixed", fixed_threshold=1.0, mode=KeyingMode.VERIFY)
    marked = list(marks.released(documents, 800, policy, read(), 8, rng))
    grader = marks.learn(marked[:500], 0.3, rng)
    found = marks.judge(grader, marked[500:], 0.2, rng)
    assert found.lift > 0.2
    assert found.lift <= found.oracle
    assert marks.curve(grader, marked[500:], (1.0,))[0][1] == pytest.approx(np.mean([m.changed for m in marked[500:]]))


@pytest.mark.slow
def test_models_are_learned_on_the_way_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with spending(trees=20, folds=2, first_steps=30, steps_per_document=1):
        learner = Learner([bill(n) for n in range(60)], {"bill": BILL}, tmp_path)
        zero = Zero(learner, (40,), 1)
        series, _ = compare(learner.blank(), read(), Settings(0.2, Policy(), 60, 2, 20, zero=zero), lambda _: None)
        kept = list(tmp_path.glob("*.json"))
        assert len(kept) == 1  # two seeds, one course
        ours = [point for point in series if point.policy == OURS]
        alone = [point for point in series if point.policy == "machine alone"]
        assert ours[0].answers >= 2.0  # nobody has learned anything yet: two people for each field
        assert alone[0].error == 1.0
        assert alone[-1].error < 0.5
        again = Learner([bill(n) for n in range(60)], {"bill": BILL}, tmp_path)
        names = course(again.blank(), [40], 0).of_fold(Fold.TRAIN, 0)
        before = kept[0].stat().st_mtime_ns
        assert again.learn(names).rows
        assert kept[0].stat().st_mtime_ns == before

    def told(_some: object, _types: object, start: Bundle, _seed: int) -> None:
        raise LookupError(start.meta["name"])

    monkeypatch.setattr("extractor.learn.learn", told)
    with pytest.raises(LookupError, match="served"):  # the kept model started from nothing: it is another
        Learner([bill(n) for n in range(60)], {"bill": BILL}, tmp_path, Bundle(meta={"name": "served"})).learn(names)


def test_a_base_that_knows_the_type_does_not_start_from_zero_labels():
    with pytest.raises(CommandError, match="receipt already"):
        starting_point(BUILT_IN, {"receipt": BILL})
    with pytest.raises(CommandError, match="no bundle"):
        starting_point(BUILT_IN.parent, {"receipt": BILL})
    start = starting_point(BUILT_IN, {"bill": BILL})
    assert start is not None
    assert start.has_section("fields/receipt/")
    assert starting_point(None, {"receipt": BILL}) is None

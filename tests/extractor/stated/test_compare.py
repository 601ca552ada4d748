"""What a file states beside its print: agreement, another place, and differences, each on pages of a few words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractor.stated.compare import compare, notes_of, says
from extractor.stated.weight import PRIOR_RIGHT, PRIOR_WRONG, UNTAUGHT, Weights, count
from models.doctype import ColumnSpec, DocumentType, FieldSpec, Kind
from models.values import Box, Page, Reading, Statement, ValueState, Word

COLUMNS = tuple(
    ColumnSpec(name=name, kind=kind)
    for name, kind in (("description", Kind.LINE), ("quantity", Kind.MONEY), ("amount", Kind.MONEY))
)
SPEC = DocumentType(
    name="bill", label="Bill", mixed_locales=True,
    fields=(
        FieldSpec(name="number", kind=Kind.IDENTIFIER, anchors=("invoice no",)),
        FieldSpec(name="due_date", kind=Kind.DATE, anchors=("due date",)),
        FieldSpec(name="seller", kind=Kind.NAME, anchors=("from",)),
        FieldSpec(name="total", kind=Kind.MONEY, anchors=("total",)),
        FieldSpec(name="line_items", kind=Kind.TABLE, columns=COLUMNS),
    ),
)  # fmt: skip
PAGE = (
    "Molen Foods BV", "Quay 7", "Invoice no 4711-88 Order 70023", "Due date 2031-04-04",
    "Cheese 3 120.00", "Postage 1 10.50", "Total 1,305.20",
)  # fmt: skip


def page(*lines: str) -> Page:
    words = []
    for row, line in enumerate(lines):
        for n, text in enumerate(line.split()):
            words.append(Word(text, Box(0.1 * n, 0.05 * row, 0.1 * n + 0.09, 0.05 * row + 0.03), 1.0, row, row))
    return Page(1, 1000, 1400, tuple(words), "text_layer/1")


def read(field: str, value: str | None, confidence: float = 0.8, **more: object) -> Reading:
    state = ValueState.FOUND if value else ValueState.NOT_FOUND
    return Reading(field, state, value, value, confidence if value else 0.0, **more)  # type: ignore[arg-type]


def judged(reading: Reading, *statements: Statement, lines: tuple[str, ...] = PAGE) -> tuple[Reading, list[str]]:
    [found], problems = compare([reading], statements, [page(*lines)], SPEC)
    return found, problems


def xml(term: str, value: str, *also: str) -> Statement:
    return Statement("xml", term, value, also, origin="factur-x.xml")


def test_agreement_raises_the_confidence_and_never_to_certainty() -> None:
    found, problems = judged(read("total", "1305.20", 0.8), xml("total", "1305.20"))
    assert 0.8 < found.confidence < 1
    assert found.value == "1305.20"
    assert notes_of(found)[0]["agrees"]
    assert problems == []


def test_a_difference_is_said_lowers_the_confidence_and_leaves_the_print() -> None:
    found, problems = judged(read("total", "1305.20", 0.8), xml("total", "9305.20"))
    assert (found.value, found.state) == ("1305.20", ValueState.FOUND)
    assert found.confidence < 0.8
    assert problems == ["file_and_print_differ: total is 9305.20 in factur-x.xml; the print says 1305.20"]


def test_what_is_printed_elsewhere_is_read_there_if_the_first_choice_is_another_term_of_the_file() -> None:
    statements = (xml("number", "4711-88"), xml("order", "70023"))
    found, problems = judged(read("number", "70023", 0.4, alternatives=(("4711-88", 0.3),)), *statements)
    assert (found.value, found.text, found.page) == ("4711-88", "4711-88", 1)
    assert found.box is not None
    assert found.box.x0 == pytest.approx(0.2)
    assert 0.3 < found.confidence < 1
    assert problems == []


def test_a_first_choice_that_the_file_does_not_know_stays_and_differs() -> None:
    found, problems = judged(read("number", "70023", 0.4), xml("number", "4711-88"))
    assert found.value == "70023"
    assert len(problems) == 1


def test_a_piece_of_the_stated_name_is_widened_to_it() -> None:
    reading = read("seller", "Molen Foods", 0.6, page=1, box=Box(0.0, 0.0, 0.19, 0.03))
    found, problems = judged(reading, xml("seller", "Molen Foods B.V."))
    assert found.value == "Molen Foods BV"
    assert problems == []


def test_any_spelling_that_the_file_gives_counts() -> None:
    found, _ = judged(read("seller", "Molen Foods BV"), xml("seller", "Holding 12 BV", "MOLEN FOODS B.V."))
    assert notes_of(found)[0]["agrees"]


def test_what_is_in_the_file_alone_is_not_taken_for_printed() -> None:
    found, problems = judged(read("due_date", None), xml("due_date", "2032-01-01"), lines=PAGE[:3])
    assert found.state is ValueState.NOT_FOUND
    assert found.confidence == 0
    assert problems[0].endswith("nothing like it was found in print")


@pytest.mark.parametrize(
    ("term", "value", "second"),
    [
        ("total", "1305.20", "To pay 1,305.60"),
        ("number", "4711-88", "No 4711-98"),
        ("seller", "Molen Foods BV", "Molen Fouds BV"),
        ("due_date", "2031-04-04", "Due date 2031-05-04"),
    ],
)  # fmt: skip
def test_print_altered_in_one_of_two_places_differs_though_the_stated_value_was_read(
    term: str, value: str, second: str
) -> None:
    agreeing, none = judged(read(term, value, 0.95), xml(term, value))
    assert (notes_of(agreeing)[0]["agrees"], none) == (True, [])
    found, problems = judged(read(term, value, 0.95), xml(term, value), lines=(*PAGE, second))
    assert not notes_of(found)[0]["agrees"]
    assert len(problems) == 1


def test_a_second_value_that_the_file_explains_is_no_difference() -> None:
    others = Statement("xml", "others", "1305.60", origin="factur-x.xml")
    _, problems = judged(read("total", "1305.20"), xml("total", "1305.20"), others, lines=(*PAGE, "To pay 1,305.60"))
    assert problems == []


def rows(*cells: tuple[str, str, str]) -> Statement:
    stated = tuple({"description": [d], "quantity": [q], "amount": [a]} for d, q, a in cells)
    return Statement("xml", "line_items", "", rows=stated, origin="factur-x.xml")


def test_rows_agree_if_no_cell_says_otherwise() -> None:
    reading = read("line_items", None)
    said = ["Cheese | 3 | 120.00", "Postage |  | 10.50"]
    reading = replace(reading, state=ValueState.FOUND, value=said, confidence=0.5)
    found, problems = judged(reading, rows(("Cheese", "3", "120"), ("Postage", "1", "10.50")))
    assert found.confidence > 0.9
    assert (found.value, problems) == (said, [])


def test_rows_that_were_not_read_are_taken_from_the_print_with_their_places() -> None:
    found, problems = judged(read("line_items", None), rows(("Cheese", "3", "120"), ("Postage", "1", "10.50")))
    assert found.value == ["Cheese | 3 | 120", "Postage | 1 | 10.50"]
    assert found.items[1].cells["amount"].text == "10.50"
    assert found.items[1].box is not None
    assert found.items[1].box.y0 == pytest.approx(0.25)
    assert problems == []


def test_a_row_with_another_amount_in_print_differs() -> None:
    _, problems = judged(read("line_items", None), rows(("Cheese", "3", "120"), ("Postage", "1", "16.50")))
    assert len(problems) == 1


def test_a_field_of_another_name_is_compared_by_what_its_labels_name() -> None:
    own = SPEC.model_copy(
        update={"fields": (FieldSpec(name="bill_no", kind=Kind.IDENTIFIER, anchors=("invoice no",)),)}
    )
    [found], _ = compare([read("bill_no", "4711-88")], [xml("number", "4711-88")], [page(*PAGE)], own)
    assert notes_of(found)[0]["agrees"]


def test_without_statements_nothing_changes() -> None:
    reading = read("total", "1305.20")
    assert compare([reading], [], [page(*PAGE)], SPEC) == ([reading], [])


# --- weights ---


def test_weights_are_learned_from_what_agreed_where_it_was_right_and_where_wrong() -> None:
    judged_rows = [("xml", True, True)] * 60 + [("xml", True, False)] * 20 + [("xml", False, False)] * 19
    weight = count(judged_rows).of("xml")
    assert weight.right == pytest.approx((60 + PRIOR_RIGHT[0]) / (80 + sum(PRIOR_RIGHT)))
    assert weight.wrong == pytest.approx(PRIOR_WRONG[0] / (19 + sum(PRIOR_WRONG)))
    assert weight.differing(0.9) > UNTAUGHT.of("xml").differing(0.9)


def test_a_file_that_says_anything_whatever_the_print_moves_nothing() -> None:
    weight = count([("xml", right, same) for right in (True, False) for same in (True, False)] * 10_000).of("xml")
    assert weight.agreeing(0.7) == pytest.approx(0.7, abs=0.01)
    assert weight.differing(0.7) == pytest.approx(0.7, abs=0.01)


def test_weights_survive_a_bundle() -> None:
    weights = count([("xml", True, True), ("code", False, True)])
    assert Weights.from_table(weights.to_table()) == weights


def test_says_cannot_tell_of_tables_and_of_nothing() -> None:
    assert says(xml("total", "1.00"), "1.0", SPEC.field("total")) is True
    assert says(xml("total", "1.00"), None, SPEC.field("total")) is None
    assert says(rows(("a", "1", "1")), "x", SPEC.field("line_items")) is None

"""Lines of identity papers: the specimens of ICAO Doc 9303, engines' usual slips, and what is never believed."""

from __future__ import annotations

import random
from datetime import date

import pytest

from extractor.codes.mrz import check_digit, find_zone, read_zone, statements_of_zones
from extractor.doctypes import load_document_types
from extractor.kinds import same
from extractor.read import extract
from extractor.recognise import Recogniser, recognise
from fixtures import identity
from fixtures.carriers import CARRIERS, Request
from fixtures.generate import draw
from fixtures.wear import RECIPES
from models.nets.bundle import Bundle
from models.values import Box, Page, Word

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
MRV_A = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<")
MRV_B = ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<")


@pytest.mark.parametrize(
    ("lines", "form", "number", "born"),
    [
        (TD3, "TD3", "L898902C3", "1974-08-12"),
        (TD1, "TD1", "D23145890", "1974-08-12"),
        (TD2, "TD2", "D23145890", "1974-08-12"),
        (MRV_A, "MRV-A", "L8988901C", "1940-09-07"),
        (MRV_B, "MRV-B", "L8988901C", "1940-09-07"),
    ],
)
def test_the_specimens_of_the_norm_are_read(lines: tuple[str, ...], form: str, number: str, born: str) -> None:
    zone = read_zone(lines)
    assert zone is not None
    assert (zone.form, zone.number, zone.birth_date) == (form, number, born)
    assert (zone.surname, zone.given_names, zone.issuer, zone.sex) == ("ERIKSSON", "ANNA MARIA", "UTO", "F")
    assert zone.expiry_date in ("2012-04-15", "1996-12-10")


def test_the_check_digit_is_that_of_the_norm() -> None:
    assert check_digit("520727") == "3"
    assert check_digit("AB2134<<<") == "5"


@pytest.mark.parametrize("place", [0, 9, 13, 19, 21, 27, 28, 42, 43])
def test_no_changed_sign_under_a_check_digit_is_believed(place: int) -> None:
    digits = TD3[1]
    changed = "7" if digits[place] != "7" else "4"
    assert read_zone((TD3[0], digits[:place] + changed + digits[place + 1 :])) is None


def test_letters_for_digits_and_lost_fillers_are_put_right() -> None:
    zone = read_zone((TD3[0][:-4], TD3[1].replace("7408122", "74O8I22").replace("1204159", "I2O4159")))
    assert zone is not None
    assert (zone.birth_date, zone.expiry_date) == ("1974-08-12", "2012-04-15")


def test_a_long_number_goes_on_in_the_optional_part() -> None:
    """Doc 9303 part 5, 4.2.2.2: nine signs, a filler, the rest, and the check digit of both together."""
    number, more = "D23145890", "7349"
    first = f"I<UTO{number}<{more}{check_digit(number + more)}".ljust(30, "<")
    middle = "7408122F1204159UTO<<<<<<<<<<<"
    whole = check_digit(first[5:30] + middle[0:7] + middle[8:15] + middle[18:29])
    zone = read_zone((first, middle + whole, TD1[2]))
    assert zone is not None
    assert zone.number == number + more
    assert zone.personal_number == ""


def second_line(born: str, expires: str) -> str:
    line = f"L898902C36UTO{born}{check_digit(born)}F{expires}{check_digit(expires)}".ljust(43, "<")
    return line + check_digit(line[0:10] + line[13:20] + line[21:43])


def test_nobody_is_born_after_today() -> None:
    for today, born in ((date(2031, 1, 1), "2025-08-12"), (date(2024, 1, 1), "1925-08-12")):
        zone = read_zone((TD3[0], second_line("250812", "310415")), today)
        assert zone is not None
        assert (zone.birth_date, zone.expiry_date) == (born, "2031-04-15")


def page_of(*lines: str) -> Page:
    words = []
    for number, line in enumerate(lines):
        for piece, text in enumerate(line.split()):
            words.append(
                Word(text, Box(0.1 + piece / 5, 0.1 * number, 0.25 + piece / 5, 0.1 * number + 0.05), 0.9, number)
            )
    return Page(1, 1000, 700, tuple(words), "rapidocr/3.10.0")


def test_a_zone_is_found_among_other_lines_with_its_place() -> None:
    page = page_of(
        "UTOPIA PASSPORT", "Surname ERIKSSON", "P<UTOERIKSSON<<ANNA <MARIA<<<<<<<<<<<<<<<<<<<", TD3[1].lower()
    )
    found = find_zone(page)
    assert found is not None
    assert found[0].surname == "ERIKSSON"
    assert found[1].y0 == pytest.approx(0.2)
    said = {s.term: s.value for s in statements_of_zones([page])}
    assert said["document_number"] == "L898902C3"
    assert said["expiry_date"] == "2012-04-15"


def test_a_page_of_other_lines_has_no_zone() -> None:
    assert find_zone(page_of("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "nothing more")) is None


def test_a_passport_is_recognised_by_its_lines_and_read_without_any_example() -> None:
    types = load_document_types()
    found = recognise([page_of("UTOPIA", *TD3)], Recogniser.from_bundle(Bundle(), types))
    said = {reading.field: reading for reading in found.readings}
    assert found.document_type == "identity_document"
    assert found.document_type_confidence > 0.9
    assert said["document_number"].value == "L898902C3"
    assert said["birth_date"].value == "1974-08-12"
    assert said["expiry_date"].box is not None
    assert 0.5 < said["surname"].confidence < 1


@pytest.mark.parametrize("layout", list(identity.LAYOUTS))
def test_specimens_of_invented_states_are_read_right_from_their_print(layout: str) -> None:
    types = load_document_types()
    recogniser = Recogniser.from_bundle(Bundle(), types)
    for seed in range(4):
        paper = draw("identity_document", f"state {seed}", random.Random(seed), [layout])
        file = CARRIERS["pdf"](paper, Request(RECIPES["clean"], 0, 0), random.Random(0))
        found = extract(file.data, recogniser).recognition
        assert found.document_type == "identity_document"
        said = {reading.field: reading.value for reading in found.readings}
        for name, value in paper.fields.items():
            if isinstance(value, str):
                assert same(types["identity_document"].field(name).kind, said[name], value), name

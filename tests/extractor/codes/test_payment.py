"""Payment codes: specimens of invented payees, read back from a page image and understood."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from extractor.codes.payment import payment_of, statements_of_codes
from extractor.codes.symbols import read_codes
from fixtures import codes
from models.values import Box, Code, Page

EPC = codes.epc("Käserei Gruber", "DE89370400440532013000", "155.30", reference="RF18539007547034")
SWISS = codes.swiss("Robert Schneider AG", "CH4431999123000889012", "1949.75", "CHF", "210000000003139471430009017")


def page_with(text: str | bytes, form: str = "QRCode", turn: int = 0, scale: int = 3) -> NDArray[np.uint8]:
    image = np.full((900, 700), 255, np.uint8)
    drawn = codes.picture(text, form, scale)
    image[500 : 500 + drawn.shape[0], 60 : 60 + drawn.shape[1]] = drawn
    return np.ascontiguousarray(np.rot90(image, turn // 90))


def stated(*texts: str) -> dict[str, str]:
    box = Box(0.1, 0.5, 0.3, 0.7)
    page = Page(1, 700, 900, (), "text_layer/1", codes=tuple(Code("QR Code", text, box) for text in texts))
    return {s.term: s.value for s in statements_of_codes([page])[0]}


def test_an_epc_code_states_payee_account_amount_and_reference() -> None:
    assert stated(EPC) == {
        "iban": "DE89370400440532013000", "seller": "Käserei Gruber", "total": "155.30", "currency": "EUR",
        "reference": "RF18539007547034",
    }  # fmt: skip


def test_a_swiss_qr_bill_states_its_account_amount_and_currency() -> None:
    assert stated(SWISS) == {
        "iban": "CH4431999123000889012", "seller": "Robert Schneider AG", "total": "1949.75", "currency": "CHF",
        "reference": "210000000003139471430009017", "buyer": "Pia Rutschmann",
    }  # fmt: skip


def test_a_bill_without_an_amount_states_none() -> None:
    assert "total" not in stated(codes.swiss("Robert Schneider AG", "CH4431999123000889012", "", "CHF", ""))


@pytest.mark.parametrize(
    ("text", "amount", "account"),
    [
        ("HRVHUB30\nEUR\n000000000012355\nKupac\nUlica 1\n10000 Zagreb\nPrimatelj\nUlica 2\n10000 Zagreb\n"
         "HR1210010051863000160\nHR01\n7269-68949637676\nCOST\nUsluge\n", "123.55", "HR1210010051863000160"),
        ("K:PR|V:01|C:1|R:845000000040484987|N:JP EPS BEOGRAD\nBALKANSKA 13|I:RSD3596,13|SF:189|S:UPLATA",
         "3596.13", ""),
        ("UPNQR\n\n\n\n\nJanez Novak\nUlica 1\nLjubljana\n00000005481\n\n\nCOST\nRacun\n20.02.2031\n"
         "SI56020170014356205\nSI00225268-32526-222\nPodjetje d.o.o.\nLepa ulica 33\nKoper\n206\n",
         "54.81", "SI56020170014356205"),
    ],
    ids=["croatia", "serbia", "slovenia"],
)  # fmt: skip
def test_the_codes_of_other_countries_are_known(text: str, amount: str, account: str) -> None:
    payment = payment_of(text)
    assert payment is not None
    assert (payment.amount, payment.iban) == (amount, account)


@pytest.mark.parametrize("text", ["https://shop.example/4711", "BCD", "SPC\n0200\n1", "BCD\n002\n1\nXXX\n\nA\nB\nEUR1"])
def test_other_texts_are_no_payment(text: str) -> None:
    assert payment_of(text) is None


def test_an_account_with_wrong_check_digits_is_said() -> None:
    box = Box(0.1, 0.5, 0.3, 0.7)
    wrong = codes.epc("Käserei Gruber", "DE88370400440532013000", "1.00")
    _, problems = statements_of_codes([Page(1, 7, 9, (), "text_layer/1", codes=(Code("QR Code", wrong, box),))])
    assert problems[0].startswith("code_not_valid: the account DE88370400440532013000")


def test_two_payments_on_one_document_state_nothing() -> None:
    assert stated(EPC, SWISS) == {}
    assert stated(EPC, EPC) == stated(EPC)


@pytest.mark.parametrize("form", ["QRCode", "DataMatrix", "Aztec", "PDF417"])
def test_a_code_is_found_on_a_page_with_its_place(form: str) -> None:
    [found] = read_codes(page_with(EPC, form, scale=3 if form != "PDF417" else 1))
    assert found.text == EPC
    assert 0.05 < found.box.x0 < 0.15
    assert 0.53 < found.box.y0 < 0.62


def test_a_code_is_read_in_colour_and_on_its_side() -> None:
    image = page_with(SWISS, turn=90)
    assert [code.text for code in read_codes(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))] == [SWISS]


def test_letters_outside_ascii_are_read_whether_or_not_the_code_names_its_encoding() -> None:
    """Banks print UTF-8 without saying so; the library's own text takes it for Latin-1, and a line feed is <LF>."""
    image = page_with(EPC.encode())
    assert "<LF>" in zxingcpp.read_barcodes(image)[0].text
    assert [code.text for code in read_codes(image)] == [EPC]
    assert [code.text for code in read_codes(page_with(EPC.encode("latin-1")))] == [EPC]


def test_a_page_without_codes_has_none() -> None:
    assert read_codes(np.full((300, 200), 255, np.uint8)) == ()

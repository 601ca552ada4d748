#!/usr/bin/env bash
# zxing-cpp 3.1.1: an EPC payment code (GiroCode) made from its bytes does not come back as its text.
#
# EPC069-12 has the payload as lines of text in the encoding that its third line names (1 is UTF-8); the QR code itself
# need not say it. create_barcode() takes bytes, and read_barcodes() gives them back under .bytes unharmed. But .text,
# which is what most callers read, has "<LF>" in place of each line feed (the default text mode is HRI), and letters
# outside ASCII as if the UTF-8 were Latin-1; with TextMode.Plain the line feeds are right and the letters still wrong.
#
# Expected: .text equal to the payload, or at least its lines. Seen: one line with <LF>, and "KÃ¤serei" for "Käserei".
# What to do: decode .bytes yourself, by what the payload says of its encoding. Exit 1 when the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check zxing-cpp==3.1.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import zxingcpp

payload = "BCD\n002\n1\nSCT\n\nKäserei Gruber\nDE89370400440532013000\nEUR155.30\n\nRF18539007547034\n"
made = zxingcpp.create_barcode(payload.encode("utf-8"), zxingcpp.BarcodeFormat.QRCode)
image = np.array(zxingcpp.write_barcode_to_image(made, scale=4))
usual = zxingcpp.read_barcodes(image)[0]
plain = zxingcpp.read_barcodes(image, text_mode=zxingcpp.TextMode.Plain)[0]
print("bytes are the payload:       ", usual.bytes == payload.encode("utf-8"))
print("text is the payload:         ", usual.text == payload, "|", ascii(usual.text[:48]))
print("plain text is the payload:   ", plain.text == payload, "|", ascii(plain.text[:36]))
as_described = (
    usual.bytes == payload.encode("utf-8")
    and usual.text.startswith("BCD<LF>002<LF>1<LF>SCT<LF><LF>KÃ¤serei Gruber<LF>")
    and plain.text == payload.encode("utf-8").decode("latin-1")
)
sys.exit(0 if as_described else 1)
PYTHON

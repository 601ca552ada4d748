"""The examples in docstrings run, and say what they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("models", "extractor", "hitl", "api")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_docstring_are_true(module: str):
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert (failed, tried > 0) == (0, True)


def test_every_aggregation_rule_and_the_certificate_have_an_example():
    wanted = {"one_coin", "majority", "dawid_skene", "calibration"}
    assert {f"hitl.aggregate.{name}" for name in wanted} | {"hitl.certificate.eprocess"} <= set(WITH_EXAMPLES)

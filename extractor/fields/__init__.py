"""From words to field values: candidates, scorers, calibrated confidence. `learn_fields` makes a `FieldModel`."""

from __future__ import annotations

from extractor.fields.labels import Label, TrainingDocument
from extractor.fields.learn import learn_fields
from extractor.fields.model import FieldModel, OutOfFold

__all__ = ["FieldModel", "Label", "OutOfFold", "TrainingDocument", "learn_fields"]

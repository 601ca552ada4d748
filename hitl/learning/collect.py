"""What a decided document teaches: training examples, observations for certificates, and those of the shadow."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from hitl.certificate import observations
from hitl.learning import shadow
from hitl.learning.examples import write_examples
from models.tables import Document


def collect(session: Session, document: Document, *, now: datetime, first: bool = False) -> None:
    """Keep what the decided fields of `document` say, to learn from and to certify with; again harmless.

    `first`: the document is being released for the first time, so its verdicts are as people and machine made them.
    """
    write_examples(session, document, now=now)
    if observations.write_observations(session, document, now=now, first=first):
        shadow.request_scoring(session, document)

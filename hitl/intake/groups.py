"""Which documents are the same picture, and what their labels may be used for: groups and folds, fixed at intake.

A group is "same bytes or same perceptual hash of page 1", and is never changed once set. A fold hangs on the hash of
the group, so that two copies of one scan never stand on both sides of a comparison, and nothing people do can move it.
"""

from __future__ import annotations

import hashlib

import numpy as np
from sqlmodel import Session, col, select

from hitl.settings import settings
from models.states import Fold
from models.tables import Document

SIDE = 16  # 256 bits: with 64, all filled copies of one form would be one document


def perceptual_hash(png: bytes) -> str:
    """The difference hash of a page image (Zauner 2010): is a cell darker than its right neighbour, on a grid of 16.

    Grey values are rounded to sixteen steps first, so that compression noise on blank paper decides nothing.
    """
    import cv2

    from extractor.page.render import decode_png

    grey = cv2.cvtColor(decode_png(png), cv2.COLOR_BGR2GRAY)
    cells = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA).astype(np.int16) // 16
    return bytes(np.packbits(cells[:, :-1] < cells[:, 1:])).hex()


def assign_group(session: Session, document: Document, png: bytes) -> None:
    """Set group, fold and hash of a freshly rendered document, unless they are set."""
    if document.group_id:
        return
    if document.made_from_data:  # all such pages look alike: they are a pool of their own, and no copies of each other
        document.group_id = f"d-{document.sha256}"
        document.fold = fold_of(document.workspace_id, document.group_id)
        return
    document.perceptual_hash = perceptual_hash(png)
    document.group_id = _group_of_bytes(session, document) or f"p-{document.perceptual_hash}"
    document.fold = _fold_of_group(session, document) or fold_of(document.workspace_id, document.group_id)


def _group_of_bytes(session: Session, document: Document) -> str | None:
    others = select(Document.group_id).where(
        Document.workspace_id == document.workspace_id,
        Document.sha256 == document.sha256,
        Document.group_id != "",
    )
    return session.exec(others.order_by(col(Document.created_at)).limit(1)).first()


def _fold_of_group(session: Session, document: Document) -> str | None:
    others = select(Document.fold).where(
        Document.workspace_id == document.workspace_id,
        Document.group_id == document.group_id,
        Document.id != document.id,
    )
    return session.exec(others.order_by(col(Document.created_at)).limit(1)).first()


def fold_of(workspace_id: str, group_id: str) -> str:
    """Certify, select or train, by the hash of workspace and group against the shares in the settings."""
    digest = hashlib.sha256(f"fold:{workspace_id}:{group_id}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < settings().certify_share:
        return Fold.CERTIFY.value
    if share < settings().certify_share + settings().select_share:
        return Fold.SELECT.value
    return Fold.TRAIN.value

"""Every life here: the states of documents, tasks, verdicts, reviews and models, and the table of allowed moves.

    document  received -> rendered -> (awaiting_type) -> read -> in_review -> released -> amended
                           refused: our answer to bad input; failed: ours to mend, can be retried; cancelled; erased
                           awaiting_split -> split: it holds several documents, which go on as documents of their own
    task      open -> leased -> answered;  withdrawn
    verdict   pending -> agreed | contested -> final
    review    open -> leased -> decided | escalated | returned
    model     training -> candidate -> passed | refused -> serving -> retired

Only `hitl.platform.moves.advance` changes a state.
"""

from __future__ import annotations

from enum import StrEnum


class DocumentState(StrEnum):
    RECEIVED = "received"
    RENDERED = "rendered"
    AWAITING_SPLIT = "awaiting_split"
    AWAITING_TYPE = "awaiting_type"
    READ = "read"
    IN_REVIEW = "in_review"
    RELEASED = "released"
    AMENDED = "amended"
    SPLIT = "split"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ERASED = "erased"


class TaskState(StrEnum):
    OPEN = "open"
    LEASED = "leased"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class VerdictState(StrEnum):
    """Of a field's value, and of an audit's gold value."""

    PENDING = "pending"
    AGREED = "agreed"
    CONTESTED = "contested"
    FINAL = "final"


class ReviewState(StrEnum):
    OPEN = "open"
    LEASED = "leased"
    DECIDED = "decided"
    ESCALATED = "escalated"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class ModelState(StrEnum):
    TRAINING = "training"
    CANDIDATE = "candidate"
    PASSED = "passed"
    REFUSED = "refused"
    SERVING = "serving"
    RETIRED = "retired"
    FAILED = "failed"


State = DocumentState | TaskState | VerdictState | ReviewState | ModelState

D, T, V, R, M = DocumentState, TaskState, VerdictState, ReviewState, ModelState

# By enum first: members of different enums with the same text are equal, and would share a key.
MOVES: dict[type[State], dict[State, frozenset[State]]] = {
    D: {
        D.RECEIVED: frozenset({D.RENDERED, D.REFUSED, D.FAILED, D.CANCELLED, D.ERASED}),
        D.RENDERED: frozenset({D.AWAITING_SPLIT, D.AWAITING_TYPE, D.READ, D.REFUSED, D.FAILED, D.CANCELLED, D.ERASED}),
        D.AWAITING_SPLIT: frozenset({D.RENDERED, D.SPLIT, D.FAILED, D.CANCELLED, D.ERASED}),
        D.AWAITING_TYPE: frozenset({D.AWAITING_SPLIT, D.READ, D.REFUSED, D.FAILED, D.CANCELLED, D.ERASED}),
        D.READ: frozenset(
            {D.IN_REVIEW, D.RELEASED, D.RENDERED, D.AWAITING_SPLIT, D.AWAITING_TYPE, D.FAILED, D.CANCELLED, D.ERASED}
        ),
        # back to rendered: retyped or reprocessed, read again
        D.IN_REVIEW: frozenset(
            {D.RELEASED, D.RENDERED, D.AWAITING_SPLIT, D.AWAITING_TYPE, D.FAILED, D.CANCELLED, D.ERASED}
        ),
        D.RELEASED: frozenset({D.AMENDED, D.RENDERED, D.ERASED}),
        D.AMENDED: frozenset({D.AMENDED, D.RENDERED, D.ERASED}),
        D.SPLIT: frozenset({D.ERASED}),
        D.REFUSED: frozenset({D.ERASED}),
        D.FAILED: frozenset({D.RECEIVED, D.CANCELLED, D.ERASED}),
        D.CANCELLED: frozenset({D.ERASED}),
        D.ERASED: frozenset(),
    },
    T: {
        T.OPEN: frozenset({T.LEASED, T.WITHDRAWN}),
        T.LEASED: frozenset({T.ANSWERED, T.OPEN, T.WITHDRAWN}),
        T.ANSWERED: frozenset({T.OPEN}),  # undone while nothing depends on it, or returned with a message
        T.WITHDRAWN: frozenset(),
    },
    V: {
        V.PENDING: frozenset({V.AGREED, V.CONTESTED, V.FINAL}),
        V.AGREED: frozenset({V.FINAL, V.CONTESTED, V.PENDING}),
        V.CONTESTED: frozenset({V.FINAL, V.PENDING}),
        V.FINAL: frozenset({V.FINAL, V.PENDING, V.CONTESTED}),  # amended by a later finding, or opened again
    },
    R: {
        R.OPEN: frozenset({R.LEASED, R.WITHDRAWN}),
        R.LEASED: frozenset({R.DECIDED, R.ESCALATED, R.RETURNED, R.OPEN, R.WITHDRAWN}),
        R.RETURNED: frozenset({R.OPEN, R.WITHDRAWN}),
        R.DECIDED: frozenset(),
        R.ESCALATED: frozenset(),
        R.WITHDRAWN: frozenset(),
    },
    M: {
        M.TRAINING: frozenset({M.CANDIDATE, M.FAILED}),
        M.CANDIDATE: frozenset({M.PASSED, M.REFUSED}),
        M.PASSED: frozenset({M.SERVING, M.RETIRED}),
        M.REFUSED: frozenset({M.RETIRED, M.PASSED}),
        M.SERVING: frozenset({M.RETIRED}),
        M.RETIRED: frozenset({M.SERVING}),  # rollback promotes the old one
        M.FAILED: frozenset(),
    },
}

IN_WORK = frozenset({D.RECEIVED, D.RENDERED, D.AWAITING_SPLIT, D.AWAITING_TYPE, D.READ, D.IN_REVIEW})
RELEASED = frozenset({D.RELEASED, D.AMENDED})
DONE = RELEASED | frozenset({D.SPLIT, D.REFUSED, D.CANCELLED, D.ERASED})


class Route(StrEnum):
    """Where a reading went. Audit is not a route: it is a flag drawn for every field before routing."""

    ACCEPT = "accept"
    REVIEW = "review"


class DeploymentAction(StrEnum):
    """How a model came to serve a workspace."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


class TaskPurpose(StrEnum):
    REVIEW = "review"
    AUDIT = "audit"
    GOLD = "gold"  # a control task whose answer we know
    TRAINING = "training"
    EXAM = "exam"


class Fold(StrEnum):
    """What a document's labels may be used for; fixed at intake by the hash of the document's group."""

    TRAIN = "train"
    SELECT = "select"
    CERTIFY = "certify"


class Role(StrEnum):
    """What a person may do. Levels: validator 1, reviewer 2, manager 3; operator and admin run the place."""

    VALIDATOR = "validator"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    OPERATOR = "operator"
    ADMIN = "admin"


LEVEL: dict[Role, int] = {Role.VALIDATOR: 1, Role.REVIEWER: 2, Role.MANAGER: 3, Role.OPERATOR: 3, Role.ADMIN: 3}

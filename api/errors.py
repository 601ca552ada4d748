"""The table of errors: which class of the domain becomes which status, code and next step at the doors.

An error that carries its own `code` or `next_step` (refusals of uploads do) keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass

from api.admission import TooBusy
from extractor.kinds import AmbiguousValue
from extractor.measure.manifest import ManifestUnreadable
from extractor.page.triage import Refusal, TooLarge
from hitl.annotation.answers import AnswerRefused, NotYours
from hitl.annotation.review import NotYourReview, ReviewRefused
from hitl.intake.receive import HereWithoutIt
from hitl.learning.request import TooFewExamples, TrainingUnderWay
from hitl.learning.shadow import NotInShadow
from hitl.learning.snapshots import NoSuchSnapshot, NothingToLearn
from hitl.people.accounts import (
    CodeSpent,
    LastAdmin,
    LoginTaken,
    NoSuchPerson,
    PeopleError,
    WeakPassword,
    WrongPassword,
)
from hitl.people.keys import NoSuchKey, UnknownScope
from hitl.people.pauses import Paused
from hitl.platform.backups import BackupRefused
from hitl.platform.blobs import BlobMissing
from hitl.platform.embedded import DatabaseUnavailable
from hitl.platform.idempotency import KeyReused
from hitl.platform.moves import IllegalMove, LostRace
from hitl.platform.outage import DatabaseAway, DatabaseBusy
from hitl.release.documents import NotNow
from hitl.release.outbound import AddressRefused
from hitl.release.release import NoSuchField, NotReleased, ReleaseError
from hitl.release.splitting import CutsImpossible
from hitl.release.webhooks import WebhookRefused
from hitl.work.typed import Unparseable
from hitl.workspace.deployment import NotPromotable
from hitl.workspace.masterdata import MasterDataRefused
from hitl.workspace.registry import NoSuchModel
from hitl.workspace.workspaces import NoSuchType, TypeRefused


@dataclass(frozen=True, slots=True)
class Kind:
    """How one class of errors is answered."""

    status: int
    code: str
    next_step: str  # an error that is over by itself has `retry_seconds`: its answer says when to come again


ERRORS: dict[type[Exception], Kind] = {
    Refusal: Kind(422, "refused", "Check the file and send it again."),
    TooLarge: Kind(413, "too_large", "Split the document, or scan it at 200 dpi."),
    HereWithoutIt: Kind(409, "here_without_it", "Send both files under another external_id, or erase the first."),
    KeyReused: Kind(422, "idempotency_key_reused", "Send a new Idempotency-Key with a new request."),
    IllegalMove: Kind(409, "not_possible_now", "Look at the document's state; this cannot be done in it."),
    LostRace: Kind(409, "changed_meanwhile", "Somebody else was faster; read it again and decide anew."),
    NotNow: Kind(409, "not_possible_now", "Look at the document's state; this cannot be done in it."),
    ReleaseError: Kind(409, "not_possible_now", "Look at the document's state; this cannot be done in it."),
    CutsImpossible: Kind(409, "cuts_impossible", "GET the split of the document shows how many pages it has."),
    NotReleased: Kind(409, "not_released", "Wait for the release; GET the document shows its state."),
    NoSuchField: Kind(422, "no_such_field", "Use a field of the document's type."),
    NoSuchType: Kind(404, "no_such_document_type", "GET /v1/document-types lists the types."),
    TypeRefused: Kind(422, "type_refused", "Give the type at least one field."),
    AnswerRefused: Kind(409, "answer_refused", "Go on with the next task."),
    NotYours: Kind(403, "not_yours", "Go on with the next task."),
    Unparseable: Kind(422, "value_not_valid", "Send a value of the field's kind."),
    AmbiguousValue: Kind(422, "value_ambiguous", "Send it again with one of the readings as `meant`."),
    ReviewRefused: Kind(409, "review_refused", "Go on with the next review."),
    NotYourReview: Kind(403, "not_yours", "Go on with the next review."),
    BlobMissing: Kind(410, "bytes_gone", "The bytes were erased; upload the document again."),
    AddressRefused: Kind(422, "webhook_refused", "Give a public http or https address."),
    WebhookRefused: Kind(422, "webhook_refused", "Give a public http or https address and events that exist."),
    NotInShadow: Kind(409, "not_in_shadow", "GET /v1/models lists the models; leave out `when=ready` to promote it."),
    NotPromotable: Kind(409, "not_possible_now", "GET /v1/models lists the models."),
    NoSuchModel: Kind(409, "no_such_model", "GET /v1/models lists the models."),
    NothingToLearn: Kind(409, "nothing_to_learn", "Answer some review tasks first."),
    NoSuchSnapshot: Kind(404, "no_such_snapshot", "GET /v1/snapshots lists the snapshots."),
    TrainingUnderWay: Kind(409, "training_under_way", "GET /v1/models shows how far it is."),
    TooFewExamples: Kind(409, "too_few_examples", "Answer more tasks of this type first."),
    DatabaseUnavailable: Kind(503, "database_unavailable", "Look at the database, then try again."),
    DatabaseAway: Kind(503, "database_away", "Send it again in a few seconds; GET /readyz tells when it is back."),
    DatabaseBusy: Kind(503, "database_busy", "Send it again in a few seconds."),
    TooBusy: Kind(503, "too_busy", "Send it again in a few seconds."),
    BackupRefused: Kind(409, "backup_refused", "Nothing was changed. Correct it and run the command again."),
    ManifestUnreadable: Kind(422, "manifest_unreadable", "Correct the line and run the command again."),
    MasterDataRefused: Kind(
        422, "master_data_refused", "The first line names fields of the type, e.g. company,address,tax_number."
    ),
    PeopleError: Kind(422, "person_refused", "Correct it and send it again."),
    Paused: Kind(403, "paused", Paused.next_step),
    NoSuchPerson: Kind(404, "no_such_person", "Check the login; `countersign user list` shows all."),
    LoginTaken: Kind(409, "login_taken", "Choose another login."),
    WeakPassword: Kind(422, "weak_password", "Choose a longer password."),
    WrongPassword: Kind(403, "wrong_password", "Type the old password again, or ask for a reset."),
    CodeSpent: Kind(410, "code_spent", "Ask an admin for a new invitation or reset."),
    LastAdmin: Kind(409, "last_admin", "Make somebody else an admin first."),
    NoSuchKey: Kind(404, "no_such_key", "`countersign key list` shows all keys."),
    UnknownScope: Kind(422, "unknown_scope", "Ask for scopes that exist."),
}


def kind_of(error: Exception) -> Kind | None:
    """The row of the nearest class in the table, or None."""
    return next((ERRORS[ancestor] for ancestor in type(error).__mro__ if ancestor in ERRORS), None)

"""SQLModel tables, one module per topic; importing this registers them all."""

from models.tables.documents import Blob, Correction, Document, DocumentPage, FieldReading, Release
from models.tables.evidence import CertificateStep, Evidence, EvidenceCourse, EvidenceMark
from models.tables.learning import (
    Certificate,
    Deployment,
    DocumentTypeVersion,
    Example,
    GraderVersion,
    MasterData,
    ModelVersion,
    Observation,
    PolicyVersion,
    Snapshot,
)
from models.tables.log import Event, IdempotencyKey, Webhook, WebhookDelivery
from models.tables.people import ApiKey, Message, PasswordReset, SignInCount, Skill, User, WebSession, Workspace
from models.tables.work import Answer, Audit, Exposure, GoldItem, Review, Task, Verdict

__all__ = [
    "Answer", "ApiKey", "Audit", "Blob", "Certificate", "CertificateStep", "Correction", "Deployment", "Document",
    "DocumentPage", "DocumentTypeVersion", "Event", "Evidence", "EvidenceCourse", "EvidenceMark", "Example",
    "Exposure", "FieldReading", "GoldItem", "GraderVersion", "IdempotencyKey", "MasterData", "Message",
    "ModelVersion", "Observation", "PasswordReset", "PolicyVersion", "Release", "Review", "SignInCount", "Skill",
    "Snapshot", "Task", "User", "Verdict", "WebSession", "Webhook", "WebhookDelivery", "Workspace",
]  # fmt: skip

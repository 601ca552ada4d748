"""Create the tables of models.tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workspace",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("audit_key", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret_hash"),
    )
    op.create_index(op.f("ix_api_key_workspace_id"), "api_key", ["workspace_id"], unique=False)
    op.create_table(
        "certificate",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=True),
        sa.Column("policy_version_id", sa.String(), nullable=True),
        sa.Column("target", sa.Float(), nullable=False),
        sa.Column("delta", sa.Float(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("audits_needed", sa.Integer(), nullable=True),
        sa.Column("suspended_reason", sa.String(), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "document_type", "pool", "model_version_id", "policy_version_id"),
    )
    op.create_index(op.f("ix_certificate_workspace_id"), "certificate", ["workspace_id"], unique=False)
    op.create_table(
        "document_type_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spec", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "name", "number"),
    )
    op.create_index(op.f("ix_document_type_version_name"), "document_type_version", ["name"], unique=False)
    op.create_index(
        op.f("ix_document_type_version_workspace_id"), "document_type_version", ["workspace_id"], unique=False
    )
    op.create_table(
        "event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=True),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("stream", "number"),
    )
    op.create_index(op.f("ix_event_action"), "event", ["action"], unique=False)
    op.create_index(op.f("ix_event_at"), "event", ["at"], unique=False)
    op.create_index(op.f("ix_event_stream"), "event", ["stream"], unique=False)
    op.create_index(op.f("ix_event_workspace_id"), "event", ["workspace_id"], unique=False)
    op.create_table(
        "grader_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_grader_version_workspace_id"), "grader_version", ["workspace_id"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "key"),
    )
    op.create_index(op.f("ix_idempotency_key_workspace_id"), "idempotency_key", ["workspace_id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("verdict_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=True),
        sa.Column("policy_version_id", sa.String(), nullable=True),
        sa.Column("route", sa.String(length=32), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("machine_wrong", sa.Boolean(), nullable=False),
        sa.Column("released_wrong", sa.Boolean(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("acceptable", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.Integer(), nullable=False),
        sa.Column("least_probability", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("verdict_id", "model_version_id", "source"),
    )
    op.create_index(op.f("ix_observation_document_id"), "observation", ["document_id"], unique=False)
    op.create_index(op.f("ix_observation_document_type"), "observation", ["document_type"], unique=False)
    op.create_index(op.f("ix_observation_workspace_id"), "observation", ["workspace_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.String(), nullable=True),
        sa.Column("trained_kinds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("keymap", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("weekly_hours_cap", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('validator', 'reviewer', 'manager', 'operator', 'admin')", name="person_role_known"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "login"),
    )
    op.create_index(op.f("ix_person_login"), "person", ["login"], unique=False)
    op.create_index(op.f("ix_person_workspace_id"), "person", ["workspace_id"], unique=False)
    op.create_table(
        "policy_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "document_type", "number"),
    )
    op.create_index(op.f("ix_policy_version_workspace_id"), "policy_version", ["workspace_id"], unique=False)
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=True),
        sa.Column("blob_key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_snapshot_workspace_id"), "snapshot", ["workspace_id"], unique=False)
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("events", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_webhook_workspace_id"), "webhook", ["workspace_id"], unique=False)
    op.create_table(
        "model_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("bundle_key", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("snapshot_id", sa.String(), nullable=True),
        sa.Column("document_types", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("train_report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("gate_report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('training', 'candidate', 'passed', 'refused', 'serving', 'retired', 'failed')",
            name="model_version_state_known",
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["model_version.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshot.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_model_version_parent_id"), "model_version", ["parent_id"], unique=False)
    op.create_index(op.f("ix_model_version_snapshot_id"), "model_version", ["snapshot_id"], unique=False)
    op.create_index(op.f("ix_model_version_state"), "model_version", ["state"], unique=False)
    op.create_index(op.f("ix_model_version_workspace_id"), "model_version", ["workspace_id"], unique=False)
    op.create_table(
        "password_reset",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_password_reset_user_id"), "password_reset", ["user_id"], unique=False)
    op.create_table(
        "skill",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("seeded_shown", sa.Integer(), nullable=False),
        sa.Column("seeded_caught", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "kind"),
    )
    op.create_index(op.f("ix_skill_user_id"), "skill", ["user_id"], unique=False)
    op.create_table(
        "web_session",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_web_session_user_id"), "web_session", ["user_id"], unique=False)
    op.create_table(
        "document",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("fold", sa.String(length=32), nullable=False),
        sa.Column("perceptual_hash", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("requested_type", sa.String(), nullable=True),
        sa.Column("document_type", sa.String(), nullable=True),
        sa.Column("document_type_confidence", sa.Float(), nullable=True),
        sa.Column("type_version_id", sa.String(), nullable=True),
        sa.Column("model_version_id", sa.String(), nullable=True),
        sa.Column("policy_version_id", sa.String(), nullable=True),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=True),
        sa.Column("pages_left", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lost_workers", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_reason", sa.String(), nullable=True),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("exceptions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grader_score", sa.Float(), nullable=True),
        sa.Column("uploaded_by", sa.String(), nullable=True),
        sa.CheckConstraint("fold IN ('train', 'select', 'certify')", name="document_fold_known"),
        sa.CheckConstraint(
            "state IN ('received', 'rendered', 'awaiting_type', 'read', 'in_review', 'released', 'amended', 'refused', 'failed', 'cancelled', 'erased')",
            name="document_state_known",
        ),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["policy_version_id"], ["policy_version.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["type_version_id"], ["document_type_version.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("document_cursor", "document", ["workspace_id", "created_at", "id"], unique=False)
    op.create_index(
        "document_external_once",
        "document",
        ["workspace_id", "sha256", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL AND state <> 'erased'"),
    )
    op.create_index(op.f("ix_document_document_type"), "document", ["document_type"], unique=False)
    op.create_index(op.f("ix_document_group_id"), "document", ["group_id"], unique=False)
    op.create_index(op.f("ix_document_model_version_id"), "document", ["model_version_id"], unique=False)
    op.create_index(op.f("ix_document_perceptual_hash"), "document", ["perceptual_hash"], unique=False)
    op.create_index(op.f("ix_document_policy_version_id"), "document", ["policy_version_id"], unique=False)
    op.create_index(op.f("ix_document_sha256"), "document", ["sha256"], unique=False)
    op.create_index(op.f("ix_document_state"), "document", ["state"], unique=False)
    op.create_index(op.f("ix_document_type_version_id"), "document", ["type_version_id"], unique=False)
    op.create_index(op.f("ix_document_workspace_id"), "document", ["workspace_id"], unique=False)
    op.create_table(
        "blob",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "key"),
    )
    op.create_index(op.f("ix_blob_document_id"), "blob", ["document_id"], unique=False)
    op.create_index(op.f("ix_blob_key"), "blob", ["key"], unique=False)
    op.create_index(op.f("ix_blob_workspace_id"), "blob", ["workspace_id"], unique=False)
    op.create_table(
        "correction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("value_state", sa.String(length=32), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_correction_document_id"), "correction", ["document_id"], unique=False)
    op.create_table(
        "document_page",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rendered_key", sa.String(), nullable=False),
        sa.Column("image_key", sa.String(), nullable=False),
        sa.Column("words_key", sa.String(), nullable=True),
        sa.Column("text_layer_key", sa.String(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("engine", sa.String(), nullable=True),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "number"),
    )
    op.create_index(op.f("ix_document_page_document_id"), "document_page", ["document_id"], unique=False)
    op.create_table(
        "example",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value_state", sa.String(length=32), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("box", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("fold", sa.String(length=32), nullable=False),
        sa.Column("independent", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fold IN ('train', 'select', 'certify')", name="example_fold_known"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "field", "source"),
    )
    op.create_index(op.f("ix_example_document_id"), "example", ["document_id"], unique=False)
    op.create_index(op.f("ix_example_document_type"), "example", ["document_type"], unique=False)
    op.create_index(op.f("ix_example_fold"), "example", ["fold"], unique=False)
    op.create_index(op.f("ix_example_workspace_id"), "example", ["workspace_id"], unique=False)
    op.create_table(
        "exposure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pages", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "document_id"),
    )
    op.create_index(op.f("ix_exposure_document_id"), "exposure", ["document_id"], unique=False)
    op.create_index(op.f("ix_exposure_user_id"), "exposure", ["user_id"], unique=False)
    op.create_table(
        "field_reading",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value_state", sa.String(length=32), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("box", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("alternatives", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("provenance", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "run", "field"),
    )
    op.create_index(op.f("ix_field_reading_document_id"), "field_reading", ["document_id"], unique=False)
    op.create_index(op.f("ix_field_reading_model_version_id"), "field_reading", ["model_version_id"], unique=False)
    op.create_table(
        "gold_item",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value_state", sa.String(length=32), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_gold_item_document_id"), "gold_item", ["document_id"], unique=False)
    op.create_index(op.f("ix_gold_item_workspace_id"), "gold_item", ["workspace_id"], unique=False)
    op.create_table(
        "release",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("certified", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "number"),
    )
    op.create_index(op.f("ix_release_document_id"), "release", ["document_id"], unique=False)
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("event_key", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("webhook_id", "event_key"),
    )
    op.create_index(op.f("ix_webhook_delivery_document_id"), "webhook_delivery", ["document_id"], unique=False)
    op.create_index(op.f("ix_webhook_delivery_webhook_id"), "webhook_delivery", ["webhook_id"], unique=False)
    op.create_table(
        "verdict",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reading_id", sa.String(), nullable=True),
        sa.Column("route", sa.String(length=32), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("audit_probability", sa.Float(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("value_state", sa.String(length=32), nullable=True),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("box", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("posterior", sa.Float(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_value_state", sa.String(length=32), nullable=True),
        sa.Column("first_value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("route IN ('accept', 'review')", name="verdict_route_known"),
        sa.CheckConstraint("state IN ('pending', 'agreed', 'contested', 'final')", name="verdict_state_known"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reading_id"], ["field_reading.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_id", "run", "field"),
    )
    op.create_index(op.f("ix_verdict_document_id"), "verdict", ["document_id"], unique=False)
    op.create_index(op.f("ix_verdict_reading_id"), "verdict", ["reading_id"], unique=False)
    op.create_index(op.f("ix_verdict_state"), "verdict", ["state"], unique=False)
    op.create_index(op.f("ix_verdict_workspace_id"), "verdict", ["workspace_id"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("verdict_id", sa.String(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("gold_state", sa.String(length=32), nullable=True),
        sa.Column("gold", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'agreed', 'contested', 'final')", name="audit_state_known"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("verdict_id"),
    )
    op.create_index(op.f("ix_audit_document_id"), "audit", ["document_id"], unique=False)
    op.create_index(op.f("ix_audit_state"), "audit", ["state"], unique=False)
    op.create_index(op.f("ix_audit_verdict_id"), "audit", ["verdict_id"], unique=False)
    op.create_index(op.f("ix_audit_workspace_id"), "audit", ["workspace_id"], unique=False)
    op.create_table(
        "review",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("verdict_id", sa.String(), nullable=True),
        sa.Column("audit_id", sa.String(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("grader_score", sa.Float(), nullable=True),
        sa.Column("features", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("leased_to", sa.String(), nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_fraction", sa.Float(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'leased', 'decided', 'escalated', 'returned', 'withdrawn')", name="review_state_known"
        ),
        sa.ForeignKeyConstraint(["audit_id"], ["audit.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["leased_to"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_review_audit_id"), "review", ["audit_id"], unique=False)
    op.create_index(op.f("ix_review_decided_by"), "review", ["decided_by"], unique=False)
    op.create_index(op.f("ix_review_document_id"), "review", ["document_id"], unique=False)
    op.create_index(op.f("ix_review_leased_to"), "review", ["leased_to"], unique=False)
    op.create_index(op.f("ix_review_verdict_id"), "review", ["verdict_id"], unique=False)
    op.create_index(op.f("ix_review_workspace_id"), "review", ["workspace_id"], unique=False)
    op.create_index("review_next", "review", ["workspace_id", "state", "level"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("verdict_id", sa.String(), nullable=True),
        sa.Column("audit_id", sa.String(), nullable=True),
        sa.Column("gold_item_id", sa.String(), nullable=True),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("shown_value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("seeded", sa.Boolean(), nullable=False),
        sa.Column("whole_page", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("for_user_id", sa.String(), nullable=True),
        sa.Column("leased_to", sa.String(), nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('review', 'audit', 'gold', 'training', 'exam')", name="task_purpose_known"),
        sa.CheckConstraint("state IN ('open', 'leased', 'answered', 'withdrawn')", name="task_state_known"),
        sa.ForeignKeyConstraint(["audit_id"], ["audit.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["for_user_id"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["gold_item_id"], ["gold_item.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["leased_to"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_task_audit_id"), "task", ["audit_id"], unique=False)
    op.create_index(op.f("ix_task_document_id"), "task", ["document_id"], unique=False)
    op.create_index(op.f("ix_task_for_user_id"), "task", ["for_user_id"], unique=False)
    op.create_index(op.f("ix_task_gold_item_id"), "task", ["gold_item_id"], unique=False)
    op.create_index(op.f("ix_task_lease_until"), "task", ["lease_until"], unique=False)
    op.create_index(op.f("ix_task_leased_to"), "task", ["leased_to"], unique=False)
    op.create_index(op.f("ix_task_verdict_id"), "task", ["verdict_id"], unique=False)
    op.create_index(op.f("ix_task_workspace_id"), "task", ["workspace_id"], unique=False)
    op.create_index("task_next", "task", ["workspace_id", "state", "priority", "due_at", "created_at"], unique=False)
    op.create_table(
        "answer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("value_state", sa.String(length=32), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("box", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("skip_reason", sa.String(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("keystrokes", sa.Integer(), nullable=True),
        sa.Column("is_right", sa.Boolean(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index(op.f("ix_answer_document_id"), "answer", ["document_id"], unique=False)
    op.create_index(op.f("ix_answer_task_id"), "answer", ["task_id"], unique=False)
    op.create_index(op.f("ix_answer_user_id"), "answer", ["user_id"], unique=False)
    op.create_index(op.f("ix_answer_workspace_id"), "answer", ["workspace_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("to_user_id", sa.String(), nullable=True),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["to_user_id"], ["person.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_message_author_id"), "message", ["author_id"], unique=False)
    op.create_index(op.f("ix_message_document_id"), "message", ["document_id"], unique=False)
    op.create_index(op.f("ix_message_task_id"), "message", ["task_id"], unique=False)
    op.create_index(op.f("ix_message_to_user_id"), "message", ["to_user_id"], unique=False)
    op.create_index(op.f("ix_message_workspace_id"), "message", ["workspace_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_message_workspace_id"), table_name="message")
    op.drop_index(op.f("ix_message_to_user_id"), table_name="message")
    op.drop_index(op.f("ix_message_task_id"), table_name="message")
    op.drop_index(op.f("ix_message_document_id"), table_name="message")
    op.drop_index(op.f("ix_message_author_id"), table_name="message")
    op.drop_table("message")
    op.drop_index(op.f("ix_answer_workspace_id"), table_name="answer")
    op.drop_index(op.f("ix_answer_user_id"), table_name="answer")
    op.drop_index(op.f("ix_answer_task_id"), table_name="answer")
    op.drop_index(op.f("ix_answer_document_id"), table_name="answer")
    op.drop_table("answer")
    op.drop_index("task_next", table_name="task")
    op.drop_index(op.f("ix_task_workspace_id"), table_name="task")
    op.drop_index(op.f("ix_task_verdict_id"), table_name="task")
    op.drop_index(op.f("ix_task_leased_to"), table_name="task")
    op.drop_index(op.f("ix_task_lease_until"), table_name="task")
    op.drop_index(op.f("ix_task_gold_item_id"), table_name="task")
    op.drop_index(op.f("ix_task_for_user_id"), table_name="task")
    op.drop_index(op.f("ix_task_document_id"), table_name="task")
    op.drop_index(op.f("ix_task_audit_id"), table_name="task")
    op.drop_table("task")
    op.drop_index("review_next", table_name="review")
    op.drop_index(op.f("ix_review_workspace_id"), table_name="review")
    op.drop_index(op.f("ix_review_verdict_id"), table_name="review")
    op.drop_index(op.f("ix_review_leased_to"), table_name="review")
    op.drop_index(op.f("ix_review_document_id"), table_name="review")
    op.drop_index(op.f("ix_review_decided_by"), table_name="review")
    op.drop_index(op.f("ix_review_audit_id"), table_name="review")
    op.drop_table("review")
    op.drop_index(op.f("ix_audit_workspace_id"), table_name="audit")
    op.drop_index(op.f("ix_audit_verdict_id"), table_name="audit")
    op.drop_index(op.f("ix_audit_state"), table_name="audit")
    op.drop_index(op.f("ix_audit_document_id"), table_name="audit")
    op.drop_table("audit")
    op.drop_index(op.f("ix_verdict_workspace_id"), table_name="verdict")
    op.drop_index(op.f("ix_verdict_state"), table_name="verdict")
    op.drop_index(op.f("ix_verdict_reading_id"), table_name="verdict")
    op.drop_index(op.f("ix_verdict_document_id"), table_name="verdict")
    op.drop_table("verdict")
    op.drop_index(op.f("ix_webhook_delivery_webhook_id"), table_name="webhook_delivery")
    op.drop_index(op.f("ix_webhook_delivery_document_id"), table_name="webhook_delivery")
    op.drop_table("webhook_delivery")
    op.drop_index(op.f("ix_release_document_id"), table_name="release")
    op.drop_table("release")
    op.drop_index(op.f("ix_gold_item_workspace_id"), table_name="gold_item")
    op.drop_index(op.f("ix_gold_item_document_id"), table_name="gold_item")
    op.drop_table("gold_item")
    op.drop_index(op.f("ix_field_reading_model_version_id"), table_name="field_reading")
    op.drop_index(op.f("ix_field_reading_document_id"), table_name="field_reading")
    op.drop_table("field_reading")
    op.drop_index(op.f("ix_exposure_user_id"), table_name="exposure")
    op.drop_index(op.f("ix_exposure_document_id"), table_name="exposure")
    op.drop_table("exposure")
    op.drop_index(op.f("ix_example_workspace_id"), table_name="example")
    op.drop_index(op.f("ix_example_fold"), table_name="example")
    op.drop_index(op.f("ix_example_document_type"), table_name="example")
    op.drop_index(op.f("ix_example_document_id"), table_name="example")
    op.drop_table("example")
    op.drop_index(op.f("ix_document_page_document_id"), table_name="document_page")
    op.drop_table("document_page")
    op.drop_index(op.f("ix_correction_document_id"), table_name="correction")
    op.drop_table("correction")
    op.drop_index(op.f("ix_blob_workspace_id"), table_name="blob")
    op.drop_index(op.f("ix_blob_key"), table_name="blob")
    op.drop_index(op.f("ix_blob_document_id"), table_name="blob")
    op.drop_table("blob")
    op.drop_index(op.f("ix_document_workspace_id"), table_name="document")
    op.drop_index(op.f("ix_document_type_version_id"), table_name="document")
    op.drop_index(op.f("ix_document_state"), table_name="document")
    op.drop_index(op.f("ix_document_sha256"), table_name="document")
    op.drop_index(op.f("ix_document_policy_version_id"), table_name="document")
    op.drop_index(op.f("ix_document_perceptual_hash"), table_name="document")
    op.drop_index(op.f("ix_document_model_version_id"), table_name="document")
    op.drop_index(op.f("ix_document_group_id"), table_name="document")
    op.drop_index(op.f("ix_document_document_type"), table_name="document")
    op.drop_index(
        "document_external_once",
        table_name="document",
        postgresql_where=sa.text("external_id IS NOT NULL AND state <> 'erased'"),
    )
    op.drop_index("document_cursor", table_name="document")
    op.drop_table("document")
    op.drop_index(op.f("ix_web_session_user_id"), table_name="web_session")
    op.drop_table("web_session")
    op.drop_index(op.f("ix_skill_user_id"), table_name="skill")
    op.drop_table("skill")
    op.drop_index(op.f("ix_password_reset_user_id"), table_name="password_reset")
    op.drop_table("password_reset")
    op.drop_index(op.f("ix_model_version_workspace_id"), table_name="model_version")
    op.drop_index(op.f("ix_model_version_state"), table_name="model_version")
    op.drop_index(op.f("ix_model_version_snapshot_id"), table_name="model_version")
    op.drop_index(op.f("ix_model_version_parent_id"), table_name="model_version")
    op.drop_table("model_version")
    op.drop_index(op.f("ix_webhook_workspace_id"), table_name="webhook")
    op.drop_table("webhook")
    op.drop_index(op.f("ix_snapshot_workspace_id"), table_name="snapshot")
    op.drop_table("snapshot")
    op.drop_index(op.f("ix_policy_version_workspace_id"), table_name="policy_version")
    op.drop_table("policy_version")
    op.drop_index(op.f("ix_person_workspace_id"), table_name="person")
    op.drop_index(op.f("ix_person_login"), table_name="person")
    op.drop_table("person")
    op.drop_index(op.f("ix_observation_workspace_id"), table_name="observation")
    op.drop_index(op.f("ix_observation_document_type"), table_name="observation")
    op.drop_index(op.f("ix_observation_document_id"), table_name="observation")
    op.drop_table("observation")
    op.drop_index(op.f("ix_idempotency_key_workspace_id"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_grader_version_workspace_id"), table_name="grader_version")
    op.drop_table("grader_version")
    op.drop_index(op.f("ix_event_workspace_id"), table_name="event")
    op.drop_index(op.f("ix_event_stream"), table_name="event")
    op.drop_index(op.f("ix_event_at"), table_name="event")
    op.drop_index(op.f("ix_event_action"), table_name="event")
    op.drop_table("event")
    op.drop_index(op.f("ix_document_type_version_workspace_id"), table_name="document_type_version")
    op.drop_index(op.f("ix_document_type_version_name"), table_name="document_type_version")
    op.drop_table("document_type_version")
    op.drop_index(op.f("ix_certificate_workspace_id"), table_name="certificate")
    op.drop_table("certificate")
    op.drop_index(op.f("ix_api_key_workspace_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("workspace")

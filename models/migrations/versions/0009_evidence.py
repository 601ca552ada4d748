"""Certificates that go on from where they stopped: what they count of each document, the states after some documents,
and marks, set by triggers, of documents of which something changed that they count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Documents erased before this: scores and losses that were observed, and how many fields there were.
ERASED = """
    INSERT INTO evidence (document_id, run, model_version_id, workspace_id, document_type, policy_version_id, group_key,
      at, newer, fields, unseen_of, largest, final)
    SELECT o.document_id, 0, o.model_version_id, o.workspace_id, min(o.document_type), min(o.policy_version_id),
      coalesce(nullif(d.group_id, ''), d.id), min(o.created_at), d.fold <> 'certify',
      jsonb_object_agg(o.field, jsonb_build_array(
        CASE WHEN o.acceptable THEN o.score ELSE -1.0 END, o.machine_wrong, o.probability, 1.0, false,
        CASE WHEN a.released_wrong AND a.route = 'review' THEN 1.0 / a.probability ELSE 0.0 END, NULL, NULL, NULL)),
      max(o.fields), 1.0 / min(o.least_probability), true
    FROM (SELECT DISTINCT ON (model_version_id, verdict_id) * FROM observation
          ORDER BY model_version_id, verdict_id, source DESC) o
    JOIN document d ON d.id = o.document_id AND d.state = 'erased'
    JOIN model_version m ON m.id = o.model_version_id
    LEFT JOIN observation a ON a.verdict_id = o.verdict_id AND a.model_version_id = o.model_version_id
      AND a.source = 'audit'
    WHERE o.policy_version_id IS NOT NULL AND o.least_probability > 0
      AND (d.fold = 'certify' OR (d.created_at > m.created_at AND NOT EXISTS (
        SELECT FROM document e WHERE e.workspace_id = d.workspace_id AND e.created_at <= m.created_at
        AND e.group_id = d.group_id AND d.group_id <> '')))
    GROUP BY o.document_id, o.model_version_id, o.workspace_id, d.id
"""

# One mark a document and transaction is enough: the setting is forgotten when the transaction ends.
MARK = """
    CREATE FUNCTION mark_evidence(of_workspace text, of_document text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF of_document IS DISTINCT FROM current_setting('countersign.marked', true) THEN
        INSERT INTO evidence_mark (workspace_id, document_id) VALUES (of_workspace, of_document);
        PERFORM set_config('countersign.marked', of_document, true);
      END IF;
    END $$;
    CREATE FUNCTION mark_evidence_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN PERFORM mark_evidence(OLD.workspace_id, OLD.document_id); RETURN NULL; END IF;
      PERFORM mark_evidence(NEW.workspace_id, NEW.document_id);
      RETURN NULL;
    END $$;
    CREATE FUNCTION mark_evidence_of_document() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM mark_evidence(NEW.workspace_id, NEW.id); RETURN NULL; END $$;
    CREATE FUNCTION mark_evidence_of_reading() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM mark_evidence(d.workspace_id, d.id) FROM document d WHERE d.id = NEW.document_id;
      RETURN NULL;
    END $$;
"""
WATCHED = {
    "verdict": "run field route reasons threshold audit_probability reading_id first_value_state first_value",
    "audit": "state gold_state gold probability first_agreed verdict_id",
    "observation": "score machine_wrong released_wrong probability acceptable source model_version_id verdict_id",
}
OF_DOCUMENT = "fold group_id policy_version_id model_version_id document_type run held_reason created_at"
OUT = "('failed', 'refused', 'cancelled', 'erased')"


def differs(columns: str) -> str:
    names = columns.split()
    return f"({', '.join(f'OLD.{n}' for n in names)}) IS DISTINCT FROM ({', '.join(f'NEW.{n}' for n in names)})"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "evidence",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=False),
        sa.Column("policy_version_id", sa.String(), nullable=False),
        sa.Column("group_key", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("newer", sa.Boolean(), nullable=False),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.Column("type_probability", sa.Float(), nullable=True),
        sa.Column("unseen_of", sa.Integer(), nullable=True),
        sa.Column("largest", sa.Float(), nullable=True),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document_id", "run", "model_version_id"),
    )
    order = ["workspace_id", "model_version_id", "document_type", "at", "document_id", "run"]
    op.create_index("evidence_order", "evidence", order)
    op.create_index("evidence_group", "evidence", ["workspace_id", "model_version_id", "group_key"])
    op.create_table(
        "evidence_mark",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("rewind", moment, nullable=True),
        sa.Column("set_at", moment, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("evidence_mark_of_workspace", "evidence_mark", ["workspace_id", "id"])
    op.create_table(
        "evidence_course",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=False),
        sa.Column("after_created_at", moment, nullable=True),
        sa.Column("after_id", sa.String(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "model_version_id"),
    )
    op.create_table(
        "certificate_step",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("model_version_id", sa.String(), nullable=False),
        sa.Column("document_type", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("basis", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_version_id"], ["model_version.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace_id", "model_version_id", "document_type", "pool", "counted"),
    )
    op.execute("ALTER TABLE certificate_step ALTER COLUMN state SET STORAGE EXTERNAL")  # numbers do not compress
    op.execute(MARK)
    for table, columns in WATCHED.items():
        run = "FOR EACH ROW"
        does = "EXECUTE FUNCTION mark_evidence_of_row()"
        op.execute(f"CREATE TRIGGER evidence_{table} AFTER INSERT OR DELETE ON {table} {run} {does}")
        op.execute(
            f"CREATE TRIGGER evidence_{table}_changed AFTER UPDATE ON {table} {run} WHEN ({differs(columns)}) {does}"
        )
    op.execute(
        f"CREATE TRIGGER evidence_document_changed AFTER UPDATE ON document FOR EACH ROW WHEN ({differs(OF_DOCUMENT)} "
        f"OR (OLD.state IN {OUT}) <> (NEW.state IN {OUT})) EXECUTE FUNCTION mark_evidence_of_document()"
    )
    op.execute(
        "CREATE TRIGGER evidence_reading_changed AFTER UPDATE ON field_reading FOR EACH ROW WHEN "
        f"({differs('confidence model_version_id')}) EXECUTE FUNCTION mark_evidence_of_reading()"
    )
    op.execute(ERASED)


def downgrade() -> None:
    for table in WATCHED:
        op.execute(f"DROP TRIGGER evidence_{table} ON {table}")
        op.execute(f"DROP TRIGGER evidence_{table}_changed ON {table}")
    op.execute("DROP TRIGGER evidence_document_changed ON document")
    op.execute("DROP TRIGGER evidence_reading_changed ON field_reading")
    for function in ("_of_reading()", "_of_document()", "_of_row()", "(text, text)"):
        op.execute(f"DROP FUNCTION mark_evidence{function}")
    for table in ("certificate_step", "evidence_course", "evidence_mark", "evidence"):
        op.drop_table(table)

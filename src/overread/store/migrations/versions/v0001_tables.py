"""The first tables. What is written here is never changed: a new version of the tables is a new file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEPT = ("samples", "opinions", "masks")  # their rows are never changed and never removed


def upgrade() -> None:
    """Makes the tables."""
    _samples_and_masks()
    _opinions()
    _head_and_queue()
    _keep_rows()


def _samples_and_masks() -> None:
    op.create_table(
        "samples",
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("given", sa.Text),
        sa.Column("group", sa.Text, nullable=False),
    )
    op.create_table(
        "masks",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("png", sa.LargeBinary, nullable=False),
    )


def _opinions() -> None:
    op.create_table(
        "opinions",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sample", sa.Text, sa.ForeignKey("samples.id"), nullable=False),
        sa.Column("structure", sa.Text),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("mask", sa.String(64), sa.ForeignKey("masks.hash")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float(53)),
        sa.Column("authority", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("round", sa.Integer),
        sa.Column("key", sa.Text, unique=True),
        sa.Column("undoes", sa.Integer),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("before", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("opinions_by_sample", "opinions", ["sample", "reader"])
    op.create_index("opinions_by_round", "opinions", ["round", "reader", "outcome"])
    op.create_index("opinions_that_undo", "opinions", ["undoes"])


def _head_and_queue() -> None:
    op.create_table(
        "head",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("structures", sa.Text, nullable=False),
        sa.Column("start", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "queue",
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sample", sa.Text, sa.ForeignKey("samples.id"), primary_key=True),
        sa.Column("structure", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("queue_by_place", "queue", ["round", "place"])


def _keep_rows() -> None:
    """Triggers that refuse to change or remove what was said."""
    if op.get_bind().dialect.name == "sqlite":
        for table in KEPT:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION overread_keep() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
    )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION overread_keep()"
        )

"""The tables of the label store. What each column holds: docs/store.md."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

samples = Table(
    "samples",
    metadata,
    Column("place", Integer, primary_key=True, autoincrement=False),  # 0, 1, ... in the order of the manifest
    Column("id", Text, nullable=False, unique=True),
    Column("given", Text),  # null: none, or masks
    Column("group", Text, nullable=False),
)

masks = Table(
    "masks",
    metadata,
    Column("hash", String(64), primary_key=True),  # sha256 of `png`
    Column("png", LargeBinary, nullable=False),
)

opinions = Table(
    "opinions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1, 2, ... without holes
    Column("sample", Text, ForeignKey("samples.id"), nullable=False),
    Column("structure", Text),
    Column("reader", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("label", Text),
    Column("mask", String(64), ForeignKey("masks.hash")),
    Column("reason", Text, nullable=False),
    Column("seconds", Float(53)),
    Column("authority", Boolean, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON
    Column("round", Integer),
    Column("key", Text, unique=True),
    Column("undoes", Integer),
    Column("at", Text, nullable=False),
    Column("before", String(64), nullable=False),  # hash of the entry before
    Column("hash", String(64), nullable=False),
    Index("opinions_by_sample", "sample", "reader"),
    Index("opinions_by_round", "round", "reader", "outcome"),
    Index("opinions_that_undo", "undoes"),
)

head = Table(
    "head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),  # always 1: there is one row
    Column("samples", Integer, nullable=False),  # how many
    Column("structures", Text, nullable=False),  # JSON list
    Column("start", String(64), nullable=False),  # hash of the samples: what entry 1 follows
    Column("number", Integer, nullable=False),  # of the last entry
    Column("hash", String(64), nullable=False),  # of the last entry
)

queue = Table(
    "queue",
    metadata,
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("sample", Text, ForeignKey("samples.id"), primary_key=True),
    Column("structure", Text, primary_key=True),  # "": the whole image
    Column("place", Integer, nullable=False),
    Column("why", Text, nullable=False),  # JSON
    Index("queue_by_place", "round", "place"),
)

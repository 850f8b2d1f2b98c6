"""Alembic's migrations of the label store."""

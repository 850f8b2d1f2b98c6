"""A file a migration; `overread.store.schema.REVISIONS` lists them."""

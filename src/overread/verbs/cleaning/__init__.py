"""Active label cleaning: what `overread clean` does, act by act."""

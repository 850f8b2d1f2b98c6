"""Methods: losses with memory, one file a paper."""

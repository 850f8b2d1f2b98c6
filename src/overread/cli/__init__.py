"""The command line: one small file per verb, nothing heavy imported before it is needed."""

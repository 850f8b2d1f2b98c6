"""The verbs: what the command line does, as Python functions that return objects."""

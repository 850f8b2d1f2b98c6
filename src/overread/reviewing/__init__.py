"""The page where experts read: a small server on this machine, of the run folder and the label store. No torch."""

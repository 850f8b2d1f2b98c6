"""What the verbs do where the labels are masks."""

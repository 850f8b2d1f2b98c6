"""What the samples are: reading, checking, decoding, splitting."""

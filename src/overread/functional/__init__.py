"""What methods and detectors share."""

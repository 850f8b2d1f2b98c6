"""Detectors: functions from what a run learned to which labels look wrong."""

"""Noise models: a random draw of wrong labels, recorded."""

"""The report: a pure function of the run folder to one HTML file."""

"""The guarantee: observations, the e-process, thresholds in force, drift, and what quality was seen."""

"""Pages about what was learned: quality, certificates, drift, models."""

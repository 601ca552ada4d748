"""Networks, training, calibration."""

"""How good readings are: manifests, accuracy, calibration, causes of errors, charts."""

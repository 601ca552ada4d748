"""Torch networks, their training loop, calibration, and the bundles that carry trained models."""

"""Corrections become models: examples, snapshots, training, the gate, the shadow, export."""

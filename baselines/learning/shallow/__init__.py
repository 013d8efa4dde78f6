"""Detectors of few parameters, trained on each sequence: random forest and patch network."""

"""Learned detectors: samples, networks, training and maps, shared by the methods that learn."""

"""Samples for a classifier of single frames: with a companion planted in them, or without."""

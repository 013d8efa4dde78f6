"""Speckles from a generative network: its training, its quality, and what it cannot draw."""

"""Labelled samples: where companions stand and how bright, what is noise, how all is stored."""

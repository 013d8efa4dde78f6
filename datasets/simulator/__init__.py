"""Image sequences from a model of the instrument."""

"""How one might answer: one file per algorithm."""

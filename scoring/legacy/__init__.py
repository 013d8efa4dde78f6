"""Numbers as the Exoplanet Imaging Data Challenge of 2020 made them, for comparison only."""

from exobench.scoring.legacy.counting import binary_map

__all__ = ["binary_map"]

"""What an organizer does to a sequence before companions go in.

Every step is a function of its arguments: measuring is apart from changing, and what was
found (offsets, bad pixels, frames to keep) is returned for a look before it is used.
"""

from exobench.datasets.preprocessing.binning import bin_smearing, binned

__all__ = ["bin_smearing", "binned"]

"""What an organizer does to a sequence before companions go in.

Every step is a function of its arguments: measuring is apart from changing, and what was
found (offsets, bad pixels, frames to keep) is returned for a look before it is used.
"""

from exobench.datasets.preprocessing.binning import bin_smearing, binned
from exobench.datasets.preprocessing.point_fits import peak_offsets
from exobench.datasets.preprocessing.recentring import recentred, symmetry_offsets
from exobench.datasets.preprocessing.registration import registration_offsets
from exobench.datasets.preprocessing.spots import spot_offsets

__all__ = [
    "bin_smearing",
    "binned",
    "peak_offsets",
    "recentred",
    "registration_offsets",
    "spot_offsets",
    "symmetry_offsets",
]

"""What an organizer does to a sequence before companions go in.

Every step is a function of its arguments: measuring is apart from changing, and what was
found (offsets, bad pixels, frames to keep, sources) is returned for a look before it is used.
"""

from exobench.datasets.preprocessing.bad_frames import (
    FrameQuality,
    frame_quality,
    good_frames,
    selected,
)
from exobench.datasets.preprocessing.bad_pixels import find_bad_pixels, repaired
from exobench.datasets.preprocessing.binning import bin_smearing, binned
from exobench.datasets.preprocessing.cropping import cropped
from exobench.datasets.preprocessing.known_sources import (
    arc_fwhm,
    filled,
    fitted,
    short_arcs,
    subtracted,
)
from exobench.datasets.preprocessing.point_fits import peak_offsets
from exobench.datasets.preprocessing.recentring import recentred, symmetry_offsets
from exobench.datasets.preprocessing.registration import registration_offsets
from exobench.datasets.preprocessing.spots import spot_offsets

__all__ = [
    "FrameQuality",
    "arc_fwhm",
    "bin_smearing",
    "binned",
    "cropped",
    "filled",
    "find_bad_pixels",
    "fitted",
    "frame_quality",
    "good_frames",
    "peak_offsets",
    "recentred",
    "registration_offsets",
    "repaired",
    "selected",
    "short_arcs",
    "spot_offsets",
    "subtracted",
    "symmetry_offsets",
]

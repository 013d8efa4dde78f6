"""What the parts of a sequence are called in files from different hands."""

from __future__ import annotations

import re

import numpy as np

CONTENT = {
    "cube": "the frames",
    "pa": "the derotation angles, in degrees",
    "psf": "the off-axis image of the star",
    "pxscale": "the pixel scale, in arcsec per pixel",
    "wls": "the wavelengths, in micrometres",
    "reference": "the frames of reference stars",
}
KINDS = tuple(CONTENT)
OPTIONAL = ("wls", "reference")
FRAMES = ("cube", "reference")
DTYPES = {kind: np.float32 if kind in FRAMES else np.float64 for kind in KINDS}
# In lower case, letters and digits only: "PARALLACTIC_ANGLES" is parallacticangles.
ALIASES = {
    "cube": "cube sci science images frames imagecube mastercube",
    "pa": "pa angle angles parang parangs parallacticangle parallacticangles "
    "derotationangle derotationangles derotangles",
    "psf": "psf offaxis offaxispsf psfcube unsaturated",
    "pxscale": "pxscale plsc pixelscale pixscale platescale",
    "wls": "wls wl wavelength wavelengths wavelengthvect lambda lambdas wave",
    "reference": "reference references ref refcube referencecube rdi",
}
SCALE_KEYWORDS = ("PXSCALE", "PIXSCALE", "PIXELSCA", "PLSC", "PLATESCA")  # arcsec per pixel
_KIND_OF = {alias: kind for kind, aliases in ALIASES.items() for alias in aliases.split()}


def kind_of(name: str) -> str | None:
    """Part that goes by `name`, whatever its case and punctuation; None if none does."""
    return _KIND_OF.get(re.sub(r"[^a-z0-9]", "", name.lower()))

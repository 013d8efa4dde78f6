"""Make an empty, clean sequence out of a raw one: what an organizer does before injecting.

Run it: python examples/preprocess.py
"""

# %% A star as it leaves the telescope: off centre, hot pixels, a lost frame, a real companion
from dataclasses import replace

import numpy as np

from exobench.datasets import Companion, inject, simulate
from exobench.datasets.centring import shift
from exobench.datasets.preprocessing import (
    binned,
    cropped,
    find_bad_pixels,
    fitted,
    frame_quality,
    good_frames,
    recentred,
    registration_offsets,
    repaired,
    selected,
    subtracted,
)

rng = np.random.default_rng(1)
star = simulate("naco_like", rng=1, n_frames=60, size=101)
companion = Companion(separation=0.6, position_angle=120, contrast=3e-4)
wander = np.array([1.2, -0.8]) + rng.normal(0, 0.5, (1, 60, 2))
cube = shift(inject(star, [companion]).cube, wander)
cube[0, 25] = shift(cube[0, 25], (6, -5))
cube[..., rng.random(star.shape) < 0.003] += 50 * cube[..., :10, :10].std()
raw = replace(star, cube=cube)

# %% Pixels first: every later step would spread them
bad = find_bad_pixels(raw.cube, raw.fwhm)
print(f"bad pixels: {bad.all(axis=(0, 1)).sum()} in all frames")
sequence = replace(raw, cube=repaired(raw.cube, bad, raw.fwhm))

# %% Frames that are not like the others
kept = good_frames(frame_quality(sequence))
print(f"frames rejected: {np.flatnonzero(~kept).tolist()}")
sequence = selected(sequence, kept)

# %% Where the star stands in each frame, and then to the centre with it
offsets = registration_offsets(sequence)
(dy, dx), scatter = offsets.mean(axis=(0, 1)), offsets.std(axis=(0, 1))
print(f"star off by ({dy:.2f}, {dx:.2f}) px, from frame to frame by {np.hypot(*scatter):.2f} px")
sequence = recentred(sequence, offsets)

# %% The real companion goes, from where the literature has it
seen = Companion(separation=0.61, position_angle=121, flux=1.0)
found = fitted(sequence, seen)
ratio = found.flux / companion.fluxes(star)[0]
print(
    f"companion at {found.separation:.3f} arcsec, {found.position_angle:.1f} degrees; "
    f"{ratio:.2f} of its true flux"
)
sequence = subtracted(sequence, [found])

# %% Smaller frames without the edges that recentring mirrored, fewer of them, opposite angles
sequence = binned(cropped(sequence, 95), max_frames=30, max_smearing=1.0)
sequence = replace(sequence, angles=-sequence.angles)
print(f"ready: {sequence.n_frames} frames of {sequence.shape[0]}x{sequence.shape[1]} pixels")

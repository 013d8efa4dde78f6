"""Inject a companion into a simulated sequence and find it again.

Run it: python examples/detect.py
"""

# %% A simulated star, seen by something like SPHERE-IRDIS in H band
from exobench.baselines import load
from exobench.datasets import Companion, inject, simulate
from exobench.datasets.geometry import annulus
from exobench.scoring import find_candidates

star = simulate("irdis_like", rng=1, n_frames=40, size=101)

# %% A companion, 40 000 times fainter, 0.4 arcsec to the south-east
companion = Companion(separation=0.4, position_angle=120, contrast=2.5e-5)
sequence = inject(star, [companion])

# %% Its detection map, and what stands out
detection_map = load("pca", n_components=5)(sequence)
scored = annulus(sequence.shape, inner=8, outer=47)
positions, significances = find_candidates(detection_map, sequence.reference_fwhm, scored)

y, x = companion.position(sequence)
print(f"injected at (y, x) = ({y:.1f}, {x:.1f})")
for (found_y, found_x), significance in list(zip(positions, significances, strict=True))[:3]:
    print(f"candidate at ({found_y:.0f}, {found_x:.0f}): {significance:.1f} sigma")

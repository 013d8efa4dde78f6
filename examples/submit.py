"""Answer a challenge with an algorithm of one's own, and check the submission.

Run it: python examples/submit.py my-challenge/public
"""

# %% The public part of a challenge
import sys
from pathlib import Path

import numpy as np

from exobench.challenge.manifest import load_sequence, read_manifest
from exobench.challenge.submission import check_submission, write_submission
from exobench.datasets import derotate
from exobench.scoring import significance_map

public = Path(sys.argv[1] if len(sys.argv) > 1 else "exobench-demo/public")
manifest = read_manifest(public)

# %% An algorithm: subtract the mean frame, derotate, average, measure significance
maps = {}
for entry in manifest.sequences("adi"):
    sequence = load_sequence(public, entry)
    frames = sequence.cube[0] - sequence.cube[0].mean(axis=0)
    image = np.mean(derotate(frames, sequence.angles), axis=0)
    maps[entry.name] = significance_map(image, entry.fwhm)

# %% A submission, checked as the server will
submission = Path("mean-adi.zip")
write_submission(submission, maps, threshold=5.0)
verdict = check_submission(submission, manifest)
print(f"{submission}: {'valid' if verdict.valid else 'not valid'}")
for problem in verdict.problems:
    print(problem)

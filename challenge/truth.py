"""What participants are not told: ``DIR/private/truth.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from exobench.challenge.documents import Document, File, read_json
from exobench.datasets.errors import ChallengeError
from exobench.scoring.truth import MapTruth

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.challenge.manifest import Manifest

TRUTH = "truth.json"


class HiddenCompanion(Document):
    """An injected companion.

    Attributes
    ----------
    y, x : float
        In pixels, on the derotated frame.
    separation, position_angle : float
        In arcsec; in degrees east of north.
    flux : float or list of float
        In the 1-FWHM aperture, in the unit of the cube; per wavelength if there are several.
    contrast : float, list of float or None
        Flux ratio to the star, where the star's flux is known.
    stratum : str
        From which the flux was drawn: bright, middle, faint or visible.
    separation_stratum : str or None
        In which it stands, such as "3-6 lambda/D"; null in a truth of an earlier version.
    spectrum : str or None
        Spectral type, where there are several wavelengths.
    snr : dict of str to float or None
        Significance that each reference reaches at the position, by reference.
    """

    y: float
    x: float
    separation: float
    position_angle: float
    flux: float | tuple[float, ...]
    contrast: float | tuple[float, ...] | None
    stratum: str
    separation_stratum: str | None = None
    spectrum: str | None = None
    snr: dict[str, float | None]


class HiddenSequence(Document):
    """What was injected into one sequence; nothing, if it is blank."""

    companions: tuple[HiddenCompanion, ...]


class Truth(File):
    """The hidden part of a challenge, committed to by the manifest.

    Attributes
    ----------
    salt : str
        64 hexadecimal digits, so that guessed positions cannot be checked against the
        commitment.
    recipe : dict
        From which the challenge was built.
    secret : str
        From which all random numbers derive.
    environment : dict of str to str
        Versions with which it was built, machine type and processor: with them it can be built
        again to the byte. Empty in a truth of an earlier version.
    sources : dict of str to dict of str to str
        SHA-256 of the files of each real sequence, by its path in the recipe and the file's
        name. Empty in a truth of an earlier version.
    """

    salt: str
    metric_version: int
    recipe: dict[str, Any]
    secret: str
    environment: dict[str, str] = Field(default_factory=dict)
    sources: dict[str, dict[str, str]] = Field(default_factory=dict)
    sequences: dict[str, HiddenSequence]


def read_truth(challenge: Path) -> Truth:
    """The truth of the challenge in that folder.

    Raises
    ------
    ChallengeError
        If it is missing (as in a copy of the public part) or not as it must be.
    """
    return read_json(challenge / "private" / TRUTH, Truth, ChallengeError)


def map_truths(manifest: Manifest, truth: Truth, track: str) -> dict[str, MapTruth]:
    """What the scorer needs to know of each sequence of a track, by name.

    Raises
    ------
    ChallengeError
        If the track is unknown or a sequence has no truth.
    """
    truths = {}
    for entry in manifest.sequences(track):
        if entry.name not in truth.sequences:
            raise ChallengeError(f"{manifest.name}: the truth has no sequence {entry.name}")
        companions = truth.sequences[entry.name].companions
        truths[entry.name] = MapTruth(
            injections=np.array([(c.y, c.x) for c in companions]).reshape(-1, 2),
            fwhm=entry.fwhm,
            inner_radius_px=entry.inner_radius_px,
            outer_radius_px=entry.outer_radius_px,
            instrument=entry.instrument,
            unit=entry.unit,
            shape=entry.shape[-2:],
            lambda_over_d_px=entry.lambda_over_d_px,
            strata=tuple(c.stratum for c in companions),
            spectra=tuple(c.spectrum for c in companions),
        )
    return truths

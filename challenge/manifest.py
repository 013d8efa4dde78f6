"""What the participants of a challenge are told: ``DIR/public/manifest.json``."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from exobench.challenge.documents import Document, File, read_json, unreadable
from exobench.datasets.errors import ChallengeError
from exobench.datasets.files import read_sequence

if TYPE_CHECKING:
    from os import PathLike

    from exobench.datasets.sequence import ImageSequence

MANIFEST = "manifest.json"
Track = Literal["adi", "adi_ifs"]
IFS_TRACK: Track = "adi_ifs"
Origin = Literal["simulated", "real", "public-origin"]
RankBy = Literal["f1", "tpr", "ppv", "macro_f1", "macro_tpr"]  # exobench.scoring.RANKABLE


class PublicFile(Document):
    """A file of the public folder and its checksum."""

    path: str
    sha256: str

    @classmethod
    def of(cls, path: Path, public: Path) -> PublicFile:
        """That of a file that lies in the folder `public`."""
        return cls(path=path.relative_to(public).as_posix(), sha256=checksum(path))


class PublicCompanions(Document):
    """What a challenge of characterization tells of the companions of a sequence.

    Attributes
    ----------
    n_companions : int
        As many as there are first guesses.
    first_guess_px : float
        No first guess is farther than this from its companion.
    star_flux : list of float or None
        Of the star in the 1-FWHM aperture, in the unit of the cube, per wavelength:
        contrasts are fluxes divided by it. Null: it is unknown, and the fluxes themselves,
        in that aperture and unit, stand for contrasts.
    """

    n_companions: int
    first_guess_px: float
    star_flux: tuple[float, ...] | None


class CharacterizationRules(Document):
    """What a challenge of characterization declares before anything is scored.

    The fields are those of `exobench.scoring.characterization.Rules`, which gives the reasons.

    Attributes
    ----------
    undetected_px : float or None
        Distance that a companion declared as not detected counts with; null: the
        `first_guess_px` of its sequence.
    undetected_error : float
        Relative error that a channel declared as not detected counts with.
    floor : float
        Errors are divided by the true contrast, but by no less than this fraction of the
        companion's mean over its channels.
    """

    undetected_px: Annotated[float, Field(gt=0)] | None = None
    undetected_error: Annotated[float, Field(gt=0)] = 1.0
    floor: Annotated[float, Field(ge=0, le=1)] = 0.1


class PublicSequence(Document):
    """A sequence as participants know it, and where its maps are scored.

    Attributes
    ----------
    name, instrument, unit : str
        ``<instrument>_<id>``; group of the macro averages; unit of resampling.
    files : dict of str to PublicFile
        By kind (cube, pa, psf, pxscale, wls, first_guess), relative to the public folder.
    shape : list of int
        ``[n_wavelengths, n_frames, n_y, n_x]``.
    fwhm : float
        Median over the wavelengths, in pixels.
    pixel_scale : float
        In arcsec.
    wavelengths, diameter, lambda_over_d_px
        In micrometres, metres and pixels (median wavelength); null where unknown.
    inner_radius_px, outer_radius_px : float
        Of the scored pixels, both included.
    tolerance_fwhm : float
        Radius within which a candidate is matched with an injection.
    origin : str
        Whether the star is simulated, real, or its planet-free sequence public.
    characterization : PublicCompanions or None
        Absent in a challenge of detection.
    """

    name: str
    instrument: str
    unit: str
    files: dict[str, PublicFile]
    shape: tuple[int, int, int, int]
    fwhm: float
    pixel_scale: float
    wavelengths: tuple[float, ...] | None
    diameter: float | None
    lambda_over_d_px: float | None
    inner_radius_px: float
    outer_radius_px: float
    tolerance_fwhm: float
    origin: Origin
    characterization: PublicCompanions | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, serialized: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = serialized(self)
        if self.characterization is None:
            written.pop("characterization", None)
        return written


class PublicTrack(Document):
    """The sequences that a submission to one track answers."""

    sequences: tuple[PublicSequence, ...]


class Manifest(File):
    """The public description of a challenge.

    Attributes
    ----------
    commitment : str
        SHA-256 of the bytes of truth.json, to be checked when the truth is published.
    exobench : str
        Version that built it.
    rank_by : str
        Metric that orders the boards of detection; those of characterization have their own.
    characterization : CharacterizationRules or None
        Absent in a challenge of detection; in one of characterization where an earlier
        version built it, and then the defaults hold.
    """

    name: str
    kind: Literal["practice", "contest"]
    exobench: str
    metric_version: int
    rank_by: RankBy
    commitment: str
    tracks: dict[Track, PublicTrack]
    characterization: CharacterizationRules | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, serialized: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = serialized(self)
        if self.characterization is None:
            written.pop("characterization", None)
        return written

    @property
    def characterizes(self) -> bool:
        """True if it tells about where the companions are, and asks what they are."""
        return any(
            sequence.characterization is not None
            for track in self.tracks.values()
            for sequence in track.sequences
        )

    def sequences(self, track: str) -> tuple[PublicSequence, ...]:
        """Sequences of a track.

        Raises
        ------
        ChallengeError
            If the challenge has no such track; lists those it has.
        """
        for known, content in self.tracks.items():
            if known == track:
                return content.sequences
        raise ChallengeError(f"{self.name} has no track {track!r}; it has {', '.join(self.tracks)}")


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def public_folder(path: str | PathLike[str]) -> Path:
    """The public folder of a challenge, given itself or the folder above it.

    Raises
    ------
    ChallengeError
        If there is no manifest in either.
    """
    folder = Path(path).resolve()
    for candidate in (folder, folder / "public"):
        if (candidate / MANIFEST).is_file():
            return candidate
    if not folder.is_dir():
        raise ChallengeError(f"{folder}: no such folder")
    raise ChallengeError(
        f"{folder}: no {MANIFEST} there nor in its folder public; "
        "either this is no challenge, or its build has not finished (run exobench build again)"
    )


def read_manifest(path: str | PathLike[str]) -> Manifest:
    """The manifest of a challenge, given its folder or its public folder.

    Raises
    ------
    ChallengeError
        If it is missing or not as it must be.
    """
    return read_json(public_folder(path) / MANIFEST, Manifest, ChallengeError)


def load_sequence(public: Path, entry: PublicSequence) -> ImageSequence:
    """A sequence of the public folder, completed with what only the manifest says.

    Raises
    ------
    ChallengeError
        If files are missing or are not those that the manifest describes.
    SequenceError
        If their content is not as it must be.
    """
    _check_files(public, entry)
    sequence = read_sequence(public / entry.files["cube"].path)
    return replace(
        sequence,
        name=entry.name,
        diameter=entry.diameter,
        wavelengths=None if entry.wavelengths is None else np.array(entry.wavelengths),
    )


def _check_files(public: Path, entry: PublicSequence) -> None:
    problems = []
    if "cube" not in entry.files:
        problems.append(f"{public / MANIFEST}: {entry.name} has no cube")
    for file in entry.files.values():
        path = public / file.path
        try:
            if checksum(path) != file.sha256:
                problems.append(f"{path}: is not the file that {MANIFEST} describes; get it again")
        except OSError as cause:
            problems.append(unreadable(path, cause))
    if problems:
        raise ChallengeError(*problems)

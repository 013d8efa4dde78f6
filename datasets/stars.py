"""Stars that receive companions: simulated ones, and real ones in files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exobench.datasets.centring import star_offset
from exobench.datasets.concealment import concealed, faded
from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.injection import inject
from exobench.datasets.preprocessing.recentring import recentred
from exobench.datasets.simulator.scene import coronagraph_transmission, expose, simulate_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.datasets.sequence import Companion, ImageSequence
    from exobench.datasets.simulator.scene import Injection

MAX_STAR_OFFSET = 0.5  # px

Centring = Literal["check", "recentre", "trust"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """A star without companions, ready to receive them.

    Attributes
    ----------
    blank : ImageSequence
        To calibrate on. Of a simulated star it has other noise than what is handed out.
    with_companions : callable
        Companions to the sequence that is handed out.
    inner_working_angle_px : float
        Of the coronagraph; 0 where none is known.
    transmission : callable
        Separations in arcsec, shape (n,), to the share of a companion's flux that the
        coronagraph lets through, shape (n_wavelengths, n).
    """

    blank: ImageSequence
    with_companions: Callable[[list[Companion]], ImageSequence]
    inner_working_angle_px: float
    transmission: Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedStar:
    """A star from a preset of the simulator, with overrides of its fields.

    Attributes
    ----------
    preset : str
    overrides : mapping
    injection : {"optical", "stamp"}
        How companions go in; see `exobench.datasets.simulator.scene.expose`. The probes that
        measure limits are stamps either way.
    """

    preset: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    injection: Injection = "optical"

    def observe(self, name: str, rng_for: Callable[[str], np.random.Generator]) -> Field:
        """A new realisation; companions go in before photon noise."""
        scene = simulate_scene(self.preset, rng=rng_for("scene"), name=name, **self.overrides)
        return Field(
            blank=expose(scene, rng=rng_for("calibration noise")),
            with_companions=lambda companions: expose(
                scene, companions, rng=rng_for("noise"), injection=self.injection
            ),
            inner_working_angle_px=scene.inner_working_angle / scene.star.pixel_scale,
            transmission=partial(coronagraph_transmission, scene),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RealStar:
    """A planet-free sequence in files.

    Attributes
    ----------
    path : Path
        As `read_sequence` takes it.
    wavelength : float or None
        Of monochromatic data, in micrometres.
    diameter : float
        Of the telescope, in metres.
    flip_angles : bool
        Negate the angles, so that what is real in the sequence smears when derotated.
    centring : {"check", "recentre", "trust"}
        Refuse a star off by more than half a pixel, move it, or take the files' word.
    """

    path: Path
    wavelength: float | None
    diameter: float
    flip_angles: bool = False
    centring: Centring = "check"

    def observe(self, name: str, rng_for: Callable[[str], np.random.Generator]) -> Field:
        """The sequence of the files; random numbers only hide the traces of injections."""
        blank = replace(self.read(), name=name)
        stamped = replace(blank, psf=faded(blank.psf, blank.psf.shape[-1] / 2))

        def with_companions(companions: list[Companion]) -> ImageSequence:
            injected = inject(stamped, companions)
            cube = concealed(blank.cube, injected.cube, rng_for("concealment"))
            return replace(injected, cube=cube, psf=blank.psf)

        return Field(
            blank=blank,
            with_companions=with_companions,
            inner_working_angle_px=0.0,
            transmission=lambda separations: np.ones((blank.n_wavelengths, separations.size)),
        )

    def read(self) -> ImageSequence:
        """The sequence, centred, with the angles as they will be handed out.

        Raises
        ------
        SequenceError
            If the files are not as they must be, or the star is off centre.
        """
        return self.prepared(read_sequence(self.path))

    def prepared(self, sequence: ImageSequence) -> ImageSequence:
        """What is in the files, already read, as `read` gives it; raises as that does."""
        wavelengths = sequence.wavelengths
        if wavelengths is None:
            wavelengths = self._stated_wavelength(sequence.n_wavelengths)
        sign = -1 if self.flip_angles else 1
        sequence = replace(
            sequence,
            angles=sign * sequence.angles,
            wavelengths=wavelengths,
            diameter=self.diameter,
        )
        return self._centred(sequence)

    def _stated_wavelength(self, n_wavelengths: int) -> NDArray[np.float64]:
        if n_wavelengths > 1:
            raise SequenceError(
                f"{self.path}: the files do not give its {n_wavelengths} wavelengths"
            )
        if self.wavelength is None:
            raise SequenceError(
                f"{self.path}: the files give no wavelength; add wavelength = (micrometres)"
            )
        return np.array([self.wavelength])

    def _centred(self, sequence: ImageSequence) -> ImageSequence:
        if self.centring == "trust":
            return sequence
        try:
            dy, dx = star_offset(sequence)
        except SequenceError as error:
            raise SequenceError(*(f"{self.path}: {p}" for p in error.problems)) from error
        if self.centring == "recentre":
            return recentred(sequence, (dy, dx))
        if np.hypot(dy, dx) > MAX_STAR_OFFSET:
            cy, cx = sequence.centre
            raise SequenceError(
                f"{self.path}: the star stands at (y, x) = ({cy + dy:.2f}, {cx + dx:.2f}), "
                f"{np.hypot(dy, dx):.2f} px from the centre ({cy:g}, {cx:g}); "
                'set centring = "recentre" to move it, or "trust" if the measurement errs'
            )
        return sequence

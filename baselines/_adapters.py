"""Functions of vip_hci and pyKLIP as baselines: their conventions, from ours."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Result = int | Callable[[Any], Any] | None

TRACKS = ("adi", "adi_ifs")
FOLDER = "outputdir"
RETURNS = ("image", "frames", "map")


def adapt(
    function: Callable[..., Any],
    *takes: str,
    returns: str = "image",
    result: Result = None,
    tracks: tuple[str, ...] = ("adi",),
    **options: Any,
) -> AdaptedMap:
    """A function of another package as a baseline.

    Parameters
    ----------
    function : callable
        Such as ``vip_hci.psfsub.pca``.
    *takes : str
        Its arguments that a sequence fills, by the names that the package gives them:

        ===================  ==========================================================
        vip_hci
        ``cube``             (n_frames, n_y, n_x); of several wavelengths, a first axis more
        ``angle_list``       as our angles: VIP derotates as we do
        ``fwhm``             in pixels; the median of several wavelengths
        ``psf``, ``psfn``    (n, n); of several wavelengths, a first axis more
        ``scale_list``       longest wavelength over each
        ``cube_ref``         frames of reference stars, axes as of the cube
        ``plsc``             arcsec per pixel
        ``lbda``             wavelengths in micrometres
        ``oversampling_fact``  pixels per lambda/2D, at the median wavelength
        pyKLIP
        ``imgs``             (n, n_y, n_x): all wavelengths of a frame, then of the next
        ``centers``          (n, 2) as (x, y)
        ``parangs``          our angles, one for each image
        ``wvs``              wavelength of each image
        ``filenums``         number of the frame of each image
        ``IWA``              1 FWHM
        ``dataset``          a ``pyklip.instruments.Instrument.GenericData`` of these; what
                             a function such as ``klip_dataset`` leaves in its ``output`` is
                             averaged over frames and wavelengths, of the largest basis
        ``outputdir``        a folder that is removed afterwards
        ===================  ==========================================================

    returns : str
        ``"image"``, whose significance is then measured as for our own baselines;
        ``"frames"``: residual frames (n_frames, n_y, n_x), which are derotated and combined
        to an image first; or ``"map"``: a detection map already, taken as it is.
    result : int or callable or None
        What of the returned values is meant: their index, or a function of them.
    tracks : tuple of str
        That it can answer: ``"adi"``, ``"adi_ifs"``.
    **options
        Handed on. Options of a call or of the command line go first.

    Raises
    ------
    InputError
        For an argument of no known meaning, or other words than those above.

    Examples
    --------
    >>> from vip_hci.psfsub import pca                               # doctest: +SKIP
    >>> from exobench.baselines import adapt                         # doctest: +SKIP
    >>> vip_pca = adapt(pca, "cube", "angle_list", ncomp=10)         # doctest: +SKIP
    """
    from exobench.baselines._conventions import CONVENTIONS

    problems = [
        f"adapt: no argument {word!r} is known; there are {', '.join((*CONVENTIONS, FOLDER))}; "
        "give values "
        "of your own as options"
        for word in takes
        if word not in (*CONVENTIONS, FOLDER)
    ]
    if not takes:
        problems.append('adapt: name the arguments that a sequence fills, such as "cube"')
    if returns not in RETURNS:
        problems.append(f"adapt: returns must be one of {', '.join(RETURNS)}, got {returns!r}")
    if isinstance(tracks, str) or not set(tracks) <= set(TRACKS):
        problems.append(f"adapt: tracks must be among {', '.join(TRACKS)}, got {tracks!r}")
    if problems:
        raise InputError(*problems)
    return {"image": AdaptedImage, "frames": AdaptedFrames, "map": AdaptedMap}[returns](
        function=function, takes=takes, result=result, tracks=tuple(tracks), options=options
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedMap:
    """A function of another package that returns a detection map; `adapt` makes one."""

    function: Callable[..., Any]
    takes: tuple[str, ...]
    result: Result
    tracks: tuple[str, ...]
    options: Mapping[str, Any]

    def __call__(self, sequence: ImageSequence, **options: Any) -> NDArray[np.floating]:
        """Detection map, shape (n_y, n_x)."""
        detections: NDArray[np.floating] = self.returned(sequence, options)
        return detections

    def returned(self, sequence: ImageSequence, options: Mapping[str, Any]) -> Any:
        """What the function returns for a sequence."""
        from exobench.baselines._conventions import CONVENTIONS

        filled = {word: CONVENTIONS[word](sequence) for word in self.takes if word != FOLDER}
        with ExitStack() as stack:
            if FOLDER in self.takes:
                filled[FOLDER] = stack.enter_context(tempfile.TemporaryDirectory())
            values = self.function(**filled, **{**self.options, **options})
        if values is None and "dataset" in filled:
            values = _averaged(filled["dataset"].output)
        if callable(self.result):
            return self.result(values)
        if self.result is None:
            return values
        try:
            return values[self.result]
        except (TypeError, IndexError, KeyError) as cause:
            raise InputError(
                f"the function returned {type(values).__name__}, which has no item {self.result}"
            ) from cause


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedImage(AdaptedMap):
    """A function of another package that returns a residual image, north up."""

    def __call__(self, sequence: ImageSequence, **options: Any) -> NDArray[np.float64]:
        """Significance of a point source, in sigma, shape (n_y, n_x).

        NaN where the function left the image open; in the noise of other pixels that is 0,
        or it would take whole rings along.
        """
        import numpy as np

        from exobench.baselines._detection import detected_in_image

        image = self.image(sequence, options)
        known = np.isfinite(image)
        filled = np.where(known, image, np.float32(0))
        detections = detected_in_image("significance", filled, sequence.reference_fwhm)
        return np.asarray(np.where(known, detections, np.nan))

    def reduce(self, sequence: ImageSequence, **options: Any) -> NDArray[np.float32]:
        """Combined residual image, north up, shape (n_y, n_x), in the unit of the cube.

        What the function did not fill is 0.
        """
        import numpy as np

        return np.nan_to_num(self.image(sequence, options), nan=0.0, neginf=0.0)

    def image(self, sequence: ImageSequence, options: Mapping[str, Any]) -> NDArray[np.float32]:
        """The same, but not finite where the function did not fill it."""
        import numpy as np

        from exobench.baselines._checked_map import checked_map

        image = checked_map(self.returned(sequence, options), sequence.shape)
        return image.astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedFrames(AdaptedImage):
    """A function of another package that returns residual frames, not derotated."""

    def image(self, sequence: ImageSequence, options: Mapping[str, Any]) -> NDArray[np.float32]:
        """Median of the derotated frames, shape (n_y, n_x).

        What a frame leaves open counts as 0; NaN where half of the frames do.
        """
        import numpy as np

        from exobench.baselines._subtraction import derotated_median

        frames = np.array(self.returned(sequence, options), dtype=np.float32)
        expected = (sequence.n_frames, *sequence.shape)
        if frames.shape != expected:
            raise InputError(
                f"the function returned frames of shape {frames.shape}; expected {expected}"
            )
        is_open = ~np.isfinite(frames)
        frames[is_open] = 0
        image: NDArray[np.float32] = derotated_median(frames, sequence.angles)
        if is_open.any():
            share = derotated_median(is_open.astype(np.float32), sequence.angles)
            image[share > 0.5] = np.nan
        return image


def _averaged(output: Any) -> NDArray[np.floating]:
    """Image of a pyKLIP output (n_bases, n_frames, n_wavelengths, n_y, n_x): NaN where all are."""
    import numpy as np

    images = np.asarray(output)[-1].reshape(-1, *np.shape(output)[-2:])
    known = np.isfinite(images)
    total = np.where(known, images, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)

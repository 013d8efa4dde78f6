"""Good files of sequences made bad, each in a way that a seed decides.

A maker writes one bad input into a folder and returns the path to read. Most are beyond
use; some flips of bits hit what nobody reads, and such a file may be read.
"""

import functools
import gzip
import shutil
import zlib

import h5py
import numpy as np
from astropy.io import fits

from exobench.datasets.files import write_sequence
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence

N_FRAMES, SIZE, BLOCK = 4, 16, 2880


@functools.cache
def sequence():
    """A good one, of two wavelengths and with reference frames."""
    rng = np.random.default_rng(4)
    rows, columns = np.indices((15, 15)) - 7
    normal = normalise_psf(np.stack([np.exp(-(rows**2 + columns**2) / 8.0)] * 2))
    return ImageSequence(
        name="toy_1",
        instrument="toy",
        cube=rng.normal(size=(2, N_FRAMES, SIZE, SIZE)),
        angles=np.linspace(0, 60, N_FRAMES),
        psf=normal.psf,
        fwhm=normal.fwhm,
        pixel_scale=0.01,
        wavelengths=[1.0, 1.2],
        star_flux=[1e4, 2e4],
        times=np.arange(N_FRAMES),
        reference=rng.normal(size=(2, 3, SIZE, SIZE)),
        diameter=8.2,
        metadata={"simulated": "yes"},
    )


# FITS: a change of the bytes of one file of a good sequence.


def fits_folder(folder):
    write_sequence(sequence(), folder)
    return folder / "toy_cube_1.fits"


def fits_alone(folder):
    folder.mkdir()
    write_sequence(sequence(), folder / "alone.fits")
    return folder / "alone.fits"


def card(keyword, value):
    """Replace or add one header card, whatever it does to the file."""

    def change(content, rng):
        line = f"{keyword:<8}= {value:>20}".ljust(80).encode()[:80]
        at = content.find(f"{keyword:<8}=".encode())
        if at >= 0 and at % 80 == 0:
            return content[:at] + line + content[at + 80 :]
        end = content.index(b"END" + b" " * 77)
        return content[:end] + line + content[end + 80 :].replace(b" " * 80, b"END".ljust(80), 1)

    change.__name__ = f"{keyword} = {value}"
    return change


def without(keyword):
    def change(content, rng):
        at = content.find(f"{keyword:<8}=".encode())
        return content[:at] + b"COMMENT".ljust(80) + content[at + 80 :]

    change.__name__ = f"without {keyword}"
    return change


def truncated(content, rng):
    return content[: int(rng.integers(0, len(content)))]


def flipped_header(content, rng):
    return flipped(content, rng, BLOCK, 6)


def flipped_anywhere(content, rng):
    return flipped(content, rng, len(content), 40)


def flipped(content, rng, end, count):
    changed = bytearray(content)
    for at in rng.integers(0, min(end, len(content)), count):
        changed[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def shuffled_cards(content, rng):
    cards = [content[at : at + 80] for at in range(0, BLOCK, 80)]
    return b"".join(cards[i] for i in rng.permutation(len(cards))) + content[BLOCK:]


def digits_replaced(content, rng):
    digits = [at for at in range(80, BLOCK) if content[at : at + 1].isdigit()]
    changed = bytearray(content)
    for at in rng.choice(digits, min(3, len(digits)), replace=False):
        changed[at] = ord(str(rng.integers(0, 10)))
    return bytes(changed)


def empty(content, rng):
    return b""


def only_noise(content, rng):
    return rng.bytes(len(content))


def noise_after_the_start(content, rng):
    return content[:80] + rng.bytes(len(content))


def no_end(content, rng):
    return content[:80] + b"HISTORY x".ljust(80) * 40_000


def compressed_whole(content, rng):
    return gzip.compress(content)


def doubled(content, rng):
    return content + content


def many_units(content, rng):
    unit = fits.ImageHDU(np.zeros(1, dtype=np.uint8))
    return content + (unit.header.tostring().encode() + bytes(BLOCK)) * 1500


CHANGES = [
    truncated,
    flipped_header,
    flipped_anywhere,
    shuffled_cards,
    digits_replaced,
    empty,
    only_noise,
    noise_after_the_start,
    no_end,
    compressed_whole,
    doubled,
    many_units,
    *(without(keyword) for keyword in ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1")),
    *(card("SIMPLE", value) for value in ("F", "'T'")),
    *(card("BITPIX", value) for value in (7, 0, 8, -64, 64, "'text'", 10**30)),
    *(card("NAXIS", value) for value in (0, 1, 9, 999, -1, "NaN", "'three'", 10**12)),
    *(card("NAXIS1", value) for value in (0, -5, 1, 10**9, 2**31, 2**62, 10**40, "1.5", "T")),
    *(card("NAXIS2", value) for value in (10**9, -1, "''")),
    *(card("BSCALE", value) for value in ("NaN", "1E308", "'x'", "0")),
    *(card("BZERO", value) for value in ("1E308", "32768", "INF")),
    *(card("GCOUNT", value) for value in (10**9, -1)),
    *(card("PCOUNT", value) for value in (10**12, -100)),
    card("GROUPS", "T"),
    card("EXTEND", "F"),
    card("XTENSION", "'FOREIGN'"),
]


def changed_fits(change, kind):
    def make(folder, rng):
        start = fits_alone(folder) if kind == "alone" else fits_folder(folder)
        path = start if kind == "alone" else folder / f"toy_{kind}_1.fits"
        path.write_bytes(change(path.read_bytes(), rng))
        return start

    make.__name__ = f"fits {kind}: {change.__name__}"
    return make


# FITS: legal files of the wrong content.


def saved(name, *units):
    def make(folder, rng):
        start = fits_folder(folder)
        made = fits.HDUList([fits.PrimaryHDU(), *(unit() for unit in units)])
        made.writeto(folder / f"toy_{name}_1.fits", overwrite=True)
        return start

    make.__name__ = f"fits {name}: legal, of the wrong content"
    return make


def table(form, array, **options):
    return lambda: fits.BinTableHDU.from_columns(
        [fits.Column("PA", form, array=array, **options)], name="PA"
    )


def image(array):
    return lambda: fits.ImageHDU(np.asarray(array))


def compressed(expand=None, **cards):
    """A compressed cube whose header says something else than its tiles."""

    def make(folder, rng):
        start = fits_folder(folder)
        unit = fits.CompImageHDU(sequence().cube, compression_type="GZIP_1", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), unit]).writeto(start, overwrite=True)
        content = start.read_bytes()
        for keyword, value in cards.items():
            at = content.index(f"{keyword:<8}=".encode())
            line = f"{keyword:<8}= {value:>20}".ljust(80).encode()
            content = content[:at] + line + content[at + 80 :]
        start.write_bytes(flipped(content, rng, len(content), expand or 0))
        return start

    make.__name__ = f"fits cube: compressed, {cards or expand}"
    return make


def tile_bomb(folder, rng):
    """One tile of 1 GB of zeros, as small as gzip makes it."""
    start = fits_folder(folder)
    unit = fits.CompImageHDU(np.zeros((4, 16, 16), dtype=np.float32), compression_type="GZIP_1")
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(start, overwrite=True)
    content = start.read_bytes()
    sizes = {"ZNAXIS1": 16384, "ZNAXIS2": 16384, "ZNAXIS3": 1, "ZTILE1": 16384, "ZTILE2": 16384}
    for keyword, value in sizes.items():
        at = content.find(f"{keyword:<8}=".encode())
        if at >= 0:
            line = f"{keyword:<8}= {value:>20}".ljust(80).encode()
            content = content[:at] + line + content[at + 80 :]
    start.write_bytes(content)
    return start


def rows_of_one_heap(folder, rng):
    """Each of many rows claims the whole heap: quadratic, if read."""
    start = fits_folder(folder)
    rows = np.array([np.zeros(1)] * 20_000, dtype=object)
    path = folder / "toy_pa_1.fits"
    fits.HDUList([fits.PrimaryHDU(), table("PD()", rows)()]).writeto(path, overwrite=True)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\0\0\0\1", b"\0\0\x4e\x20"))
    return start


def missing_extension(folder, rng):
    start = fits_alone(folder)
    with fits.open(start, mode="update") as units:
        del units[int(rng.integers(1, 5))]
    return start


LEGAL_FITS = [
    saved("cube"),
    saved("cube", image(np.zeros((3, 3)))),
    saved("cube", image(np.zeros((2, 2, 2, 4, 16, 16)))),
    saved("cube", image(np.full((2, N_FRAMES, SIZE, SIZE), np.nan))),
    saved("cube", image(np.full((2, N_FRAMES, SIZE, SIZE), 1e300))),
    saved("cube", image(np.zeros((2, N_FRAMES, 1, 1)))),
    saved("pa", image(np.full(N_FRAMES, np.inf))),
    saved("pa", image(np.full(N_FRAMES, 1e300))),
    saved("pa", image(np.zeros((N_FRAMES, N_FRAMES)))),
    saved("pa", image(np.zeros(10**6))),
    saved("pa", table("20A", ["ten"] * N_FRAMES)),
    saved("pa", table("M", np.ones(N_FRAMES, dtype=complex))),
    saved("pa", table("PD()", np.array([[1.0], [2.0, 3.0]], dtype=object))),
    saved("pa", table("D", np.full(N_FRAMES, np.nan))),
    saved("psf", image(np.zeros((2, 15, 15)))),
    saved("psf", image(np.full((2, 15, 15), -1.0))),
    saved("psf", image(np.ones((2, 15, 15)))),
    saved("psf", image(np.eye(15) * 1e308)),
    saved("psf", image(np.random.default_rng(0).normal(size=(2, 15, 15)))),
    saved("psf", image(np.zeros((2, 1, 1)))),
    saved("psf", image(np.ones((7, 15, 15)))),
    saved("pxscale", image([0.0])),
    saved("pxscale", image([1e-300])),
    saved("pxscale", image([np.nan])),
    saved("pxscale", image([0.01, 0.02])),
    saved("wls", image([-1.0, 1.0])),
    saved("wls", image([1e-300, 1e300])),
    saved("wls", image([1.0, np.nan])),
    saved("reference", image(np.full((2, 3, SIZE, SIZE), np.nan))),
    saved("reference", image(np.zeros(7))),
    compressed(expand=60),
    compressed(ZNAXIS1=10**9),
    compressed(ZNAXIS1=2**40, ZTILE1=2**40),
    compressed(ZTILE1=0),
    compressed(ZTILE1=-16),
    compressed(ZNAXIS=999),
    compressed(ZBITPIX="'x'"),
    compressed(ZCMPTYPE="'RICE_1'"),
    compressed(ZCMPTYPE="'NOSUCH'"),
    compressed(NAXIS2=10**9),
    compressed(PCOUNT=10**12),
    tile_bomb,
    rows_of_one_heap,
    missing_extension,
]


# HDF5: bytes, and content.


def hdf5(folder):
    folder.mkdir()
    write_sequence(sequence(), folder / "toy.h5")
    return folder / "toy.h5"


def changed_hdf5(change):
    def make(folder, rng):
        path = hdf5(folder)
        path.write_bytes(change(path.read_bytes(), rng))
        return path

    make.__name__ = f"hdf5: {change.__name__}"
    return make


def flipped_structure(content, rng):
    return flipped(content, rng, 4096, 5)


def flipped_once(content, rng):
    return flipped(content, rng, len(content), 1)


def noise_after_the_signature(content, rng):
    return content[:8] + rng.bytes(len(content))


def zeros_after_the_superblock(content, rng):
    return content[:512] + bytes(len(content) - 512)


def lengths_of_ff(content, rng):
    at = int(rng.integers(8, 4000)) // 8 * 8
    return content[:at] + b"\xff" * 8 + content[at + 8 :]


def endless_text(content, rng):
    """The length of an object in a store of text, such that the next one begins before it."""
    at = content.index(b"yes\0") - 8
    return content[:at] + b"\xff" * 8 + content[at + 8 :]


HDF5_CHANGES = [
    endless_text,
    *(flipped_structure, lengths_of_ff, flipped_once) * 2,
    flipped_anywhere,
    truncated,
    empty,
    only_noise,
    noise_after_the_signature,
    zeros_after_the_superblock,
    doubled,
]


def content(name, fill, native=True):
    """A good file of which one member is replaced."""

    def make(folder, rng):
        path = hdf5(folder)
        with h5py.File(path, "a") as file:
            if not native:
                del file.attrs["format"]
            if name in file:
                del file[name]
            fill(file, name, rng)
        return path

    make.__name__ = f"hdf5 {name}: {fill.__name__}{'' if native else ', foreign'}"
    return make


def value(array):
    def fill(file, name, rng):
        file[name] = array

    fill.__name__ = f"an array of {np.asarray(array).dtype}, {np.shape(array)}"
    return fill


def absent(file, name, rng):
    pass


def group(file, name, rng):
    file.create_group(name).create_group("deeper")


def itself(file, name, rng):
    file[name] = h5py.SoftLink(f"/{name}")


def circle(file, name, rng):
    file["a"], file["b"], file[name] = (h5py.SoftLink(to) for to in ("/b", "/a", "/a"))


def dangling(file, name, rng):
    file[name] = h5py.SoftLink("/nowhere/at/all")


def external(file, name, rng):
    file[name] = h5py.ExternalLink("/dev/zero", "/cube")


def external_itself(file, name, rng):
    file[name] = h5py.ExternalLink(file.filename, f"/{name}")


def external_storage(file, name, rng):
    file.create_dataset(
        name, (2, N_FRAMES, SIZE, SIZE), "f4", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)]
    )


def virtual(file, name, rng):
    layout = h5py.VirtualLayout((2, N_FRAMES, SIZE, SIZE), "f4")
    layout[:] = h5py.VirtualSource("/dev/zero", "cube", (2, N_FRAMES, SIZE, SIZE))
    file.create_virtual_dataset(name, layout)


def unallocated(file, name, rng):
    file.create_dataset(name, (2, 2000, 20_000, 20_000), "f4")


def unallocated_chunks(file, name, rng):
    file.create_dataset(name, (2, 10**6, 10**5, 10**3), "f4", chunks=(1, 1, 64, 64))


def giant_chunk(file, name, rng):
    file.create_dataset(
        name,
        (2, N_FRAMES, SIZE, SIZE),
        "f4",
        chunks=(1, 1, 16384, 16384),
        maxshape=(None,) * 4,
        compression="gzip",
    )


def zeros_bomb(file, name, rng):
    made = file.create_dataset(
        name, (1, 300, 1024, 1024), "f4", chunks=(1, 1, 1024, 1024), compression="gzip"
    )
    packed = zlib.compress(bytes(4 * 1024**2), 9)
    for frame in range(300):
        made.id.write_direct_chunk((0, frame, 0, 0), packed)


def chunk_bomb(file, name, rng):
    """A chunk of 8 KB that inflates to 1 GB."""
    made = file.create_dataset(
        name, (1, N_FRAMES, 64, 64), "f4", chunks=(1, N_FRAMES, 64, 64), compression="gzip"
    )
    deflate = zlib.compressobj(9)
    zeros = bytes(2**24)
    packed = b"".join(deflate.compress(zeros) for _ in range(64)) + deflate.flush()
    made.id.write_direct_chunk((0, 0, 0, 0), packed)


def damaged_chunk(file, name, rng):
    made = file.create_dataset(
        name, (2, N_FRAMES, SIZE, SIZE), "f4", chunks=(1, 1, SIZE, SIZE), compression="gzip"
    )
    made[...] = sequence().cube
    made.id.write_direct_chunk((0, 0, 0, 0), rng.bytes(700))


def lzf(file, name, rng):
    file.create_dataset(name, data=np.ones((2, N_FRAMES, SIZE, SIZE)), compression="lzf")


def null(file, name, rng):
    file[name] = h5py.Empty("f4")


def text(file, name, rng):
    file.create_dataset(name, data=["ten"] * N_FRAMES, dtype=h5py.string_dtype())


def ragged(file, name, rng):
    made = file.create_dataset(name, (N_FRAMES,), h5py.vlen_dtype(np.float32))
    made[0] = np.arange(3)


def references(file, name, rng):
    file.create_dataset(name, data=[file.ref] * N_FRAMES, dtype=h5py.ref_dtype)


def named_type(file, name, rng):
    file[name] = np.dtype("f8")


def attribute(key, value):
    def make(folder, rng):
        path = hdf5(folder)
        with h5py.File(path, "a") as file:
            file.attrs[key] = value
        return path

    make.__name__ = f"hdf5 attribute {key}: {str(value)[:20]}"
    return make


def metadata_attribute(key, value):
    def make(folder, rng):
        path = hdf5(folder)
        with h5py.File(path, "a") as file:
            file["metadata"].attrs[key] = value
        return path

    make.__name__ = f"hdf5 metadata {key}: {str(value)[:20]}"
    return make


def many_members(folder, rng):
    path = hdf5(folder)
    with h5py.File(path, "a") as file:
        del file.attrs["format"], file["cube"]
        for number in range(5000):
            file.create_group(f"group{number}")
    return path


def a_fits_file(folder, rng):
    start = fits_alone(folder)
    shutil.copy(start, folder / "toy.h5")
    return folder / "toy.h5"


FILLS = [
    *(absent, group, itself, circle, dangling, external, external_itself, null, text),
    *(named_type, references, ragged),
    value(np.full(N_FRAMES, np.nan)),
    value(np.inf),
    value("a word"),
    value(np.zeros((2, 2, 2, 2, 2))),
    value(np.zeros(0)),
    value(np.ones(N_FRAMES, dtype=complex)),
    value(np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])),
    value(-1.0),
    value(1e300),
]
CUBE_FILLS = [
    *(external_storage, virtual, unallocated, unallocated_chunks, giant_chunk, zeros_bomb),
    *(chunk_bomb, damaged_chunk, lzf),
    value(np.full((2, N_FRAMES, SIZE, SIZE), np.nan)),
    value(np.full((2, N_FRAMES, SIZE, SIZE), 1e300)),
    value(np.zeros((N_FRAMES, 2, SIZE, SIZE))),
    value(np.zeros((2, N_FRAMES, SIZE))),
    value(np.zeros((2, N_FRAMES, 0, SIZE))),
]
HDF5_CONTENT = [
    *(
        content(name, fill, native)
        for name, native in (("angles", True), ("psf", True), ("angles", False))
        for fill in FILLS
    ),
    *(content("cube", fill, native) for native in (True, False) for fill in CUBE_FILLS),
    *(content("cube", fill) for fill in (absent, group, circle, external, text)),
    *(content(name, value(-1.0)) for name in ("fwhm", "pixel_scale", "diameter", "star_flux")),
    *(content("metadata", fill) for fill in (circle, external, value(3.0))),
    *(attribute("format", bad) for bad in (2, 1.5, np.nan, "one", [1, 1], 2**62, -1)),
    *(attribute("name", bad) for bad in (3, b"\xff\xfe", [1.0, 2.0], np.zeros(5000))),
    attribute("instrument", np.nan),
    *(metadata_attribute("key", bad) for bad in (3, ["a", "b"], b"\xff")),
    many_members,
    a_fits_file,
]


def makers():
    """All of them, more than 300, in an order that never changes."""
    every = [
        *LEGAL_FITS,
        *(changed_fits(change, kind) for kind in ("cube", "alone") for change in CHANGES),
        *(
            changed_fits(change, kind)
            for kind in ("pa", "psf", "pxscale", "wls")
            for change in CHANGES[:8]
        ),
        *HDF5_CONTENT,
        *(changed_hdf5(change) for change in HDF5_CHANGES * 5),
    ]
    order = np.random.default_rng(300).permutation(len(every))
    return [every[i] for i in order]

"""Headers that must account for every byte; pixels as astropy reads them."""

import bz2
import gzip
import io
import lzma
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.fits_bytes import (
    BLOCK,
    FitsError,
    image_bytes,
    largest_file,
    pixels,
    read_header,
)


def written(image, cards=None):
    unit = fits.PrimaryHDU(image)
    unit.header.update(cards or {})
    return saved(fits.HDUList([unit]))


def saved(units):
    buffer = io.BytesIO()
    units.writeto(buffer, output_verify="ignore")
    return buffer.getvalue()


def handmade(*cards, data=b"", blocks=1):
    text = "".join(card.ljust(80) for card in (*cards, "END"))
    return text.encode().ljust(blocks * BLOCK) + data


def header(content):
    return read_header(content)


IMAGE = np.arange(-6, 6, dtype=np.float64).reshape(3, 4)
CARDS = ("SIMPLE  =                    T", "BITPIX  =                  -32")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "i8", ">f4"])
def test_pixels_are_those_that_astropy_reads(dtype):
    content = written(IMAGE.astype(dtype))
    found = pixels(content, header(content))
    with fits.open(io.BytesIO(content)) as units:
        np.testing.assert_array_equal(found, units[0].data)
    assert found.dtype == np.float64
    assert found.flags.writeable


def test_bytes_are_unsigned():
    content = written(np.array([[0, 200], [255, 7]], dtype=np.uint8))
    np.testing.assert_array_equal(pixels(content, header(content)), [[0, 200], [255, 7]])


def test_blank_integers_are_nan():
    content = written(np.array([[1, -99], [3, 4]], dtype=np.int16), {"BLANK": -99})
    np.testing.assert_array_equal(pixels(content, header(content)), [[1, np.nan], [3, 4]])


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_survive(special):
    content = image_bytes(np.array([[special, 1.0]]))
    np.testing.assert_array_equal(pixels(content, header(content)), [[special, 1.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_legal_fits(dtype):
    content = image_bytes(IMAGE.astype(dtype))
    assert len(content) == 2 * BLOCK
    with fits.open(io.BytesIO(content)) as units:
        units.verify("exception")
        np.testing.assert_array_equal(units[0].data, IMAGE)
        assert units[0].data.dtype == np.dtype(dtype).newbyteorder(">")
    np.testing.assert_array_equal(pixels(content, header(content)), IMAGE)


def test_a_number_may_have_one_axis_or_none():
    assert header(written(np.array([5.0]))).shape == (1,)
    bare = handmade(*CARDS, "NAXIS   =                    0", data=bytes(BLOCK))
    assert header(bare).shape == ()
    assert pixels(bare, header(bare)) == 0
    alone = handmade(*CARDS, "NAXIS   =                    0")
    assert header(alone).offset == len(alone)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_not_unpacked(pack):
    with pytest.raises(FitsError, match="archive; expected a plain FITS file"):
        header(pack(written(IMAGE)))


def test_a_compressed_bomb_costs_nothing():
    bomb = gzip.compress(written(np.zeros((1000, 1000))))
    tracemalloc.start()
    with pytest.raises(FitsError):
        header(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_images_in_extensions_are_refused():
    for extension in (fits.CompImageHDU(np.zeros((9, 9), np.int16)), fits.ImageHDU()):
        with pytest.raises(FitsError, match="write the array as the primary image"):
            header(saved(fits.HDUList([fits.PrimaryHDU(), extension])))


def test_extensions_are_refused():
    units = fits.HDUList([fits.PrimaryHDU(IMAGE), fits.ImageHDU(IMAGE)])
    with pytest.raises(FitsError, match="holds more than one image"):
        header(saved(units))


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        (["SIMPLE  =                    F", CARDS[1]], "SIMPLE is not T"),
        ([CARDS[0]], "BITPIX is missing"),
        ([CARDS[0], "BITPIX  = -16", "NAXIS   = 1", "NAXIS1  = 1"], "BITPIX must be"),
        ([CARDS[0], "BITPIX  = 'x'"], "BITPIX in the header is not a whole number"),
        ([*CARDS], "NAXIS is missing"),
        ([*CARDS, "NAXIS   =                   -1"], "NAXIS must be"),
        ([*CARDS, "NAXIS   =                  999"], "NAXIS must be"),
        ([*CARDS, "NAXIS   =                    2", "NAXIS1  = 3"], "NAXIS2 is missing"),
        ([*CARDS, "NAXIS   = 2", "NAXIS1  = -5", "NAXIS2  = 4"], "has no pixels"),
        ([*CARDS, "NAXIS   = 2", "NAXIS1  = 0", "NAXIS2  = 4"], "has no pixels"),
        ([*CARDS, "NAXIS   = 2", "NAXIS1  = 3", "NAXIS1  = 4"], "NAXIS1 stands twice"),
        ([*CARDS, "NAXIS   = 2", "NAXIS1  = 100000", "NAXIS2  = 100000"], "is truncated"),
        ([*CARDS, "NAXIS   = 2", f"NAXIS1  = {2**31}", f"NAXIS2  = {2**31}"], "is truncated"),
        ([*CARDS, "NAXIS   = 2", f"NAXIS1  = {10**30}", "NAXIS2  = 1"], "not a whole number"),
    ],
)
def test_headers_that_lie_are_refused(cards, message):
    with pytest.raises(FitsError, match=message):
        header(handmade(*cards, data=bytes(BLOCK)))


@pytest.mark.parametrize(
    "card", ["BSCALE  = 1E300", "BZERO   = 1E308", "BSCALE  = 'NaN'", "BZERO   = 32768"]
)
def test_scaled_pixels_are_refused(card):
    cards = (*CARDS, "NAXIS   = 2", "NAXIS1  = 2", "NAXIS2  = 2")
    with pytest.raises(FitsError, match="write the map as float32"):
        header(handmade(*cards, card, data=bytes(BLOCK)))


def test_scaling_that_changes_nothing_is_accepted():
    cards = (*CARDS, "NAXIS   = 2", "NAXIS1  = 2", "NAXIS2  = 2")
    content = handmade(*cards, "BSCALE  = 1.0 / none", "BZERO   = 0.0D0", data=bytes(BLOCK))
    assert header(content).shape == (2, 2)


def test_unsigned_integers_of_astropy_are_scaled_hence_refused():
    with pytest.raises(FitsError, match="BZERO is not 0"):
        header(written(np.ones((2, 2), dtype=np.uint16)))


def test_headers_end_within_36_blocks():
    cards = (*CARDS, "NAXIS   = 1", "NAXIS1  = 1")
    filler = ["COMMENT"] * (36 * 36 - len(cards) - 1)
    assert header(handmade(*cards, *filler, data=bytes(BLOCK), blocks=36)).shape == (1,)
    with pytest.raises(FitsError, match="does not end within 36 blocks"):
        header(handmade(*cards, *filler, "COMMENT", data=bytes(BLOCK), blocks=37))
    with pytest.raises(FitsError, match="does not end"):
        header(handmade(*CARDS, *["HISTORY x"] * 50_000)[:-100])


@pytest.mark.parametrize("change", [-1, 1, -BLOCK, BLOCK])
def test_the_file_has_the_size_its_header_says(change):
    content = written(IMAGE)
    content = content[:change] if change < 0 else content + bytes(change)
    with pytest.raises(FitsError, match=r"is truncated|holds more than one image"):
        header(content)


@pytest.mark.parametrize("content", [b"", b"hello", b"simple  =", b"XTENSION= 'IMAGE   '"])
def test_what_is_no_fits_file_is_refused(content):
    with pytest.raises(FitsError, match="not a FITS file"):
        header(content)


def test_the_largest_file_holds_the_longest_header_and_eight_bytes_a_pixel():
    assert largest_file(41 * 41) == 36 * BLOCK + 5 * BLOCK

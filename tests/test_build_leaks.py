"""Nothing that a contest hands out lets one rebuild its noise or confirm its truth.

An attacker knows this code, the kind of every sequence and all of the public folder. The
attack here is exhaustive over what is found there: every number, word, hash and run of bytes
is tried as the secret, the seed or the key, by this project's own derivation.
"""

import hashlib
import itertools
import json
import re

import numpy as np
import pytest
from astropy.io import fits

from exobench.challenge.documents import json_bytes
from exobench.challenge.folder import read_challenge
from exobench.challenge.plan import plan_challenge
from exobench.challenge.recipe import read_recipe
from exobench.challenge.secrets import Secret
from exobench.challenge.truth import Truth
from exobench.datasets.files import read_sequence

NAME = "irdis_like_1"


def leaves(content):
    """Every key, word and number in a JSON value."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from leaves(value)
    elif isinstance(content, list):
        for value in content:
            yield from leaves(value)
    elif content is not None:
        yield content


def found_in_fits(path):
    """Header values, checksums of the file and its data, and the first and last numbers."""
    content = path.read_bytes()
    with fits.open(path) as units:
        yield from (value for card in units[0].header.cards for value in (card.keyword, card.value))
        data = np.ravel(units[0].data)
        yield from (float(value) for value in (*data[:8], *data[-8:], data.sum(), data.max()))
        yield from (hashlib.sha256(part).hexdigest() for part in (content, data.tobytes()))
    yield from (hasher(content).hexdigest() for hasher in (hashlib.sha1, hashlib.md5))
    yield path.name
    yield path.stem


def as_secrets(value):
    """Secrets and seeds that a value could stand for: itself, its digits, its hash."""
    text = str(value)
    yield Secret(hashlib.sha256(text.encode()).hexdigest())
    yield Secret(hashlib.sha256(text.encode()).digest()[::-1].hex())
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    for padded in (digits.rjust(64, "0"), digits.ljust(64, "0"), (digits or "0") * 64):
        yield Secret(padded[:64])
    if isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value):
        yield Secret(f"{abs(int(value)) % 2**256:064x}")
        yield Secret(np.float64(value).tobytes().hex().rjust(64, "0"))
        yield from (Secret.of_seed(abs(int(value)), name) for name in ("small-contest", NAME, ""))


@pytest.fixture(scope="module")
def public_values(contest):
    public = contest.folder / "public"
    manifest = public / "manifest.json"
    values = set(leaves(json.loads(manifest.read_bytes())))
    values |= {hashlib.sha256(manifest.read_bytes()).hexdigest()}
    for path in public.rglob("*.fits"):
        values |= set(found_in_fits(path))
    values |= {int(public.stat().st_mtime), manifest.stat().st_mtime_ns, *range(100)}
    return values


@pytest.fixture(scope="module")
def candidates(public_values):
    """Every secret that something in the public folder could stand for."""
    return {secret.hex for value in public_values for secret in as_secrets(value)}


def fingerprint(secret):
    """Of the random numbers that make companions and noise of the first sequence."""
    for_purpose = Secret(secret).rng_for("sequence", NAME)
    return tuple(for_purpose(purpose).integers(2**62) for purpose in ("scene", "companions"))


def test_the_attack_tries_what_is_there(contest, public_values, candidates):
    manifest = json.loads((contest.folder / "public" / "manifest.json").read_bytes())
    assert manifest["commitment"] in public_values
    assert manifest["commitment"] in candidates
    for sequence in manifest["tracks"]["adi"]["sequences"]:
        assert all(file["sha256"] in candidates for file in sequence["files"].values())
    assert len(candidates) > 2000


def test_the_attack_would_succeed_had_the_secret_leaked(contest, public_values):
    true = contest.secret.read_text().strip()
    for leak in (true, f"SECRET-{true.upper()}"[-64:]):
        tried = {s.hex for value in public_values | {leak} for s in as_secrets(value)}
        assert true in tried
    seeded = Secret.of_seed(20_261_121, "small-contest").hex
    assert seeded in {s.hex for value in {20_261_121} for s in as_secrets(value)}


def test_no_public_value_gives_the_random_numbers_of_a_sequence(contest, candidates):
    true = contest.secret.read_text().strip()
    assert true not in candidates
    secret_numbers = set(fingerprint(true))
    assert all(secret_numbers.isdisjoint(fingerprint(one)) for one in candidates)


def test_no_public_value_seeds_the_generators_themselves(contest, public_values):
    true = contest.secret.read_text().strip()
    secret_numbers = set(fingerprint(true))
    seeds = {abs(int(v)) for v in public_values if isinstance(v, (int, float)) and np.isfinite(v)}
    seeds |= {int(str(v), 16) for v in public_values if re.fullmatch("[0-9a-f]{8,64}", str(v))}
    assert len(seeds) > 150
    assert secret_numbers.isdisjoint(np.random.default_rng(s).integers(2**62) for s in seeds)


def test_with_the_secret_noise_and_companions_are_rebuilt_and_without_not(contest):
    challenge = read_challenge(contest.folder)
    handed_out = read_sequence(contest.folder / "public" / "adi" / "irdis_like_cube_1.fits")
    recipe = read_recipe(contest.recipe)
    true, wrong = challenge.truth.secret, challenge.manifest.commitment
    for secret, rebuilt in ((true, True), (wrong, False)):
        plan = plan_challenge(recipe, contest.folder, Secret(secret))[0].plan
        scene = plan.star.observe(NAME, Secret(secret).rng_for("sequence", NAME))
        noise = scene.with_companions([]).cube
        # Far from every companion the cube is the noise, bit by bit.
        equal = (noise == handed_out.cube).mean()
        assert (equal > 0.3) == rebuilt


def test_the_truth_cannot_be_confirmed_without_the_salt(contest, candidates):
    challenge = read_challenge(contest.folder)
    true = json.loads((contest.folder / "private" / "truth.json").read_bytes())

    def commits(**changes):
        document = json_bytes(Truth.model_validate_json(json.dumps(true | changes)))
        return hashlib.sha256(document).hexdigest() == challenge.manifest.commitment

    assert commits()
    assert not commits(salt="0" * 64)
    # All but salt and secret guessed right, as a participant with the recipe might.
    few = sorted(candidates)[:: max(1, len(candidates) // 500)]
    assert not any(commits(salt=Secret(one).salt, secret=one) for one in few)
    assert not any(commits(salt=one) for one in few)


def test_salt_and_secret_are_nowhere_in_public(contest):
    challenge = read_challenge(contest.folder)
    files = [path for path in (contest.folder / "public").rglob("*") if path.is_file()]
    assert len(files) == 1 + 4 * 5  # the manifest and those of the sequences
    for path in files:
        content = path.read_bytes()
        for hidden in (challenge.truth.secret, challenge.truth.salt):
            assert hidden.encode() not in content.lower()
            assert bytes.fromhex(hidden) not in content


def test_headers_do_not_tell_a_blank_sequence_from_another(contest):
    truth = read_challenge(contest.folder).truth
    public = contest.folder / "public" / "adi"
    for kind in ("cube", "pa", "psf", "pxscale", "wls"):
        paths = [public / f"irdis_like_{kind}_{n}.fits" for n in (1, 2, 3)]
        headers = {fits.getheader(path).tostring() for path in paths}
        assert len(headers) == 1
        assert len({path.stat().st_size for path in paths}) == 1
    assert {len(truth.sequences[f"irdis_like_{n}"].companions) == 0 for n in (1, 2, 3)} == {
        True,
        False,
    }


def test_the_calibration_noise_would_not_help_either(contest):
    """The noise that limits were measured with is another than that of the public cube."""
    secret = Secret(contest.secret.read_text().strip())
    purposes = ("scene", "noise", "companions", "calibration noise")
    drawn = [
        secret.rng("sequence", n, p).integers(2**62)
        for n, p in itertools.product(
            ("irdis_like_1", "irdis_like_2", "sphere_ifs_like_1"), purposes
        )
    ]
    assert len(set(drawn)) == len(drawn)

"""From where the random numbers of a challenge come."""

import itertools

import pytest

from exobench.challenge.secrets import Secret
from exobench.datasets.errors import RecipeError

HEX = "0123456789abcdef" * 4


@pytest.fixture
def secret_file(tmp_path):
    def write(text):
        path = tmp_path / "secret"
        path.write_text(text)
        return path

    return write


def numbers(rng):
    return rng.integers(2**63, size=4).tolist()


def test_the_same_purpose_gives_the_same_numbers():
    secret = Secret(HEX)
    assert numbers(secret.rng("a")) == numbers(secret.rng("a"))
    assert numbers(secret.rng_for("sequence", "x_1")("noise")) == numbers(
        secret.rng("sequence", "x_1", "noise")
    )


def test_purposes_sequences_and_secrets_have_nothing_in_common():
    others = (Secret(HEX), Secret(HEX[::-1]))
    purposes = [("scene",), ("noise",), ("sequence", "a_1", "scene"), ("sequence", "a_2", "scene")]
    drawn = {tuple(numbers(s.rng(*p))) for s, p in itertools.product(others, purposes)}
    assert len(drawn) == 8


def test_the_salt_is_256_bits_and_not_the_secret():
    assert len(bytes.fromhex(Secret(HEX).salt)) == 32
    assert Secret(HEX).salt not in (HEX, Secret(HEX[::-1]).salt)


def test_drawn_secrets_differ():
    assert Secret.drawn() != Secret.drawn()
    assert len(bytes.fromhex(Secret.drawn().hex)) == 32


def test_a_seed_gives_a_practice_challenge_its_secret_by_name():
    assert Secret.of_seed(1, "a") == Secret.of_seed(1, "a")
    assert len({Secret.of_seed(1, "a"), Secret.of_seed(2, "a"), Secret.of_seed(1, "b")}) == 3


def test_a_secret_is_read_with_its_line_end_and_in_capitals(secret_file):
    assert Secret.read(secret_file(HEX.upper() + "\r\n")) == Secret(HEX)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got 0 characters;"),
        (HEX[:-1], "got 63 characters;"),
        (HEX + "0", "got 65 characters;"),
        ("g" * 64, "got 64 characters that are not;"),
        ("42", "got 2 characters;"),
        ("42".zfill(64), "can be guessed"),
        ("ab" * 32, "can be guessed"),
    ],
)
def test_a_file_without_256_random_bits_is_refused(secret_file, text, said):
    with pytest.raises(RecipeError) as caught:
        Secret.read(secret_file(text))
    (problem,) = caught.value.problems
    assert said in problem
    assert "draw one with: python -c" in problem
    if len(text) > 2:
        assert text not in problem


def test_a_missing_secret_file_is_said(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read, no such file"):
        Secret.read(tmp_path / "none")
    with pytest.raises(RecipeError, match="cannot be read, is a directory"):
        Secret.read(tmp_path)

"""From where all random numbers of a challenge come.

Everything derives from one secret of 256 bits by keyed hashes (HMAC-SHA-256), so that
nothing that is published lets one go back to it, nor from one sequence to another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.documents import unreadable
from exobench.datasets.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_LEAST_DISTINCT = 8  # digits; 64 random ones miss that once in 10^15, a padded number is below
_ADVICE = 'draw one with: python -c "import secrets; print(secrets.token_hex(32))"'


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret of a challenge: 64 hexadecimal digits, 256 bits."""

    hex: str

    @classmethod
    def drawn(cls) -> Secret:
        """A fresh one, from the operating system's randomness."""
        return cls(secrets.token_hex(32))

    @classmethod
    def of_seed(cls, seed: int, name: str) -> Secret:
        """That of a practice challenge, which is none: whoever knows the seed has it."""
        return cls(hashlib.sha256(f"exobench practice\n{name}\n{seed}".encode()).hexdigest())

    @classmethod
    def read(cls, path: Path) -> Secret:
        """The secret in a file.

        Raises
        ------
        RecipeError
            If the file does not hold 64 hexadecimal digits, or plainly no random ones.
        """
        try:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise RecipeError(unreadable(path, error)) from error
        if not _HEX.fullmatch(text):
            raise RecipeError(
                f"{path}: expected a secret of 64 hexadecimal digits (256 bits), got "
                f"{len(text)} characters{' that are not' if len(text) == 64 else ''}; {_ADVICE}"
            )
        if len(set(text.lower())) < _LEAST_DISTINCT:
            raise RecipeError(f"{path}: these 64 digits can be guessed; {_ADVICE}")
        return cls(text.lower())

    @property
    def salt(self) -> str:
        """What keeps guesses at the truth from being checked against its commitment."""
        return self._digest("salt").hex()

    def rng(self, *purpose: str) -> np.random.Generator:
        """A generator for one purpose; the same purpose always gives the same numbers."""
        return np.random.default_rng(int.from_bytes(self._digest("/".join(purpose)), "big"))

    def rng_for(self, *scope: str) -> Callable[[str], np.random.Generator]:
        """`rng` within a scope, such as a sequence."""
        return partial(self.rng, *scope)

    def _digest(self, purpose: str) -> bytes:
        return hmac.new(bytes.fromhex(self.hex), purpose.encode(), hashlib.sha256).digest()

"""Scores that were kept, as their files hold them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exobench.challenge.documents import unreadable
from exobench.datasets.errors import ChallengeError
from exobench.scoring.metrics import METRICS

if TYPE_CHECKING:
    from pathlib import Path


def read_score(path: Path, challenge: Path) -> dict[str, Any]:
    """The score in a file of a challenge; a metric that came after it was written is null.

    Raises
    ------
    ChallengeError
        If there is none, or it is no score.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as cause:
        raise ChallengeError(
            f"{path}: no such file; score it again: exobench rescore {challenge}"
        ) from cause
    except OSError as cause:
        raise ChallengeError(unreadable(path, cause)) from cause
    except (ValueError, RecursionError) as cause:
        raise ChallengeError(f"{path}: is not JSON ({cause})") from cause
    if not isinstance(content, dict) or not isinstance(content.get("per_sequence"), list):
        raise ChallengeError(f"{path}: is no score file")
    if isinstance(content.get("overall"), dict) and content.get("mode") == "strict":
        content["overall"] = dict.fromkeys(METRICS) | content["overall"]
    return content

"""How a challenge came about, for its organizer: ``DIR/private/build-report.json``."""

from __future__ import annotations

from exobench.challenge.documents import File
from exobench.challenge.part import BuildReport

REPORT = "build-report.json"


class Report(File):
    """What is to be known of each sequence, and with what it was built, which the truth says.

    Attributes
    ----------
    environment : dict of str to str
        Versions of Python and of the libraries, and the machine type.
    sequences : dict of str to BuildReport
    """

    environment: dict[str, str]
    sequences: dict[str, BuildReport]

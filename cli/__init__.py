"""What a person types: parses, calls, prints.

Exit codes: 0 done; 2 the input is wrong; 130 interrupted; 1 anything else.
"""

from exobench.cli._main import main

__all__ = ["main"]

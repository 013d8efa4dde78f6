"""The zoo: every baseline on a suite, kept as files that `compare` reads."""

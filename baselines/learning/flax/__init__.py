"""Networks of the learned detectors in JAX and Flax; modules here import them at their top."""

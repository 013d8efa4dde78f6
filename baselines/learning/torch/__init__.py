"""Networks of the learned detectors in PyTorch; modules here import it at their top."""

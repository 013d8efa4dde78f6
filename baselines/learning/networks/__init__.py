"""What networks of every framework share: architecture, training, files of weights and models."""

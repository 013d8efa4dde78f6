"""What was observed: value types, geometry, files, simulator, injection."""

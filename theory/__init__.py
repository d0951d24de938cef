"""What the papers predict: pure functions of arrays, float64, no randomness, no files."""

"""Where theory and simulation meet: figures, claims, verdicts, the report."""

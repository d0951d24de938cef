"""Self-consuming loops (after Fu et al. 2024): total variation under any mixture of data."""

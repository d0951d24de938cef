"""Plans run in simulation: where the inverse questions of theory meet loops."""

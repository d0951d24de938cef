"""The diffusion model with one hidden layer: frozen random features, trained exactly."""

from sim.learners.random_features.learner import RandomFeatures, RandomFeatureScore

__all__ = ["RandomFeatureScore", "RandomFeatures"]

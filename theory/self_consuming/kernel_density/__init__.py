"""Kernel densities in a self-consuming loop, one dimension, exactly (derived).

Every model is a Gaussian kernel density of its training points. Mean, pointwise variance and
integrated squared error are exact for any mixing schedule; total variation is bracketed, and
predicted with the model's fluctuation taken as Gaussian at each point.
"""

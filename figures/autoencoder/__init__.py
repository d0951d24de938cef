"""Figures of Cui, Pehlevan and Lu (2025): a solvable denoising autoencoder."""

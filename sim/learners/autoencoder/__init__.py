"""The solvable denoiser in finite dimension: learned online, sampled from, retrained."""

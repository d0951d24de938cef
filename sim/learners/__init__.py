"""Learners: samples in, a score out."""

"""Estimators with standard errors; each says which kind of law it needs."""

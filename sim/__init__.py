"""What actually happens: learn, sample, recurse, measure. Knows no bound."""

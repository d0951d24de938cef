"""One loop judged by all theories."""

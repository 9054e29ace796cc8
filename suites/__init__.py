"""The checks: a clause a file, a rule a function."""

"""Checks in which a real browser is the judge."""

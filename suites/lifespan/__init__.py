"""Rules about startup, shutdown and what is left behind."""

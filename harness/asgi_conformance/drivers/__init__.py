"""Ways to reach an application. All I/O is here."""

"""The ASGI protocols as tables and shapes: no I/O, no clock, no framework."""

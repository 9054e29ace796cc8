"""WebSocket frames and their compression, byte by byte and without I/O."""

"""What an application must do with the ASGI calling convention and the HTTP messages."""

"""Reports: records in, text out; the same records give the same text, byte for byte.

A renderer is a module with one function, ``render(run) -> str``; what it gets is a
:class:`~asgi_conformance.reports.run.Run`, ordered and free of secrets.
"""

"""The onion: the layers of an application, and what passes each of them on the way in and out.

``with Onion(app) as onion`` puts a recorder around every layer that can be found, and takes them all out again
at the end. No framework is imported, and the application is not changed for it.
"""

from asgi_conformance.onion.link import layer_name
from asgi_conformance.onion.recorder import Onion, Recorder
from asgi_conformance.onion.step import LEFT, Passing, Step

__all__ = ["LEFT", "Onion", "Passing", "Recorder", "Step", "layer_name"]

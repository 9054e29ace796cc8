"""The application that a server's own command line is to serve: the one that the environment describes."""

import json
import os

from asgi_conformance.drivers.server.spec import APP_VARIABLE
from asgi_conformance.loading import AppRef, load

app = load(AppRef.from_json(json.loads(os.environ[APP_VARIABLE])))

"""Every rule that the linter knows, by id."""

from collections.abc import Mapping

from asgi_conformance.lint.catalogue import extensions, general, http, lifespan, websocket
from asgi_conformance.lint.rule import Rule

RULES: Mapping[str, Rule] = {
    rule.id: rule for rule in (*general.RULES, *http.RULES, *extensions.RULES, *websocket.RULES, *lifespan.RULES)
}

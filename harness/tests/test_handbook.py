"""The page of practices in the repository is the one that the checks make."""

import os
from pathlib import Path

from asgi_conformance import catalogue
from asgi_conformance.handbook import practices

PAGE = Path(__file__).resolve().parents[2] / "docs" / "practices.md"


def test_the_page_of_practices_is_up_to_date():
    made = practices(catalogue.load_checks())
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "run again with UPDATE_GOLDEN=1"

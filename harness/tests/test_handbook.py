"""The pages in the repository are the ones that the checks make."""

import os
from pathlib import Path

from asgi_conformance import catalogue, documents, handbook

DOCS = Path(__file__).resolve().parents[2] / "docs"


def is_up_to_date(page, made):
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(made, encoding="utf-8")
    return page.read_text(encoding="utf-8") == made


def test_the_page_of_practices_is_up_to_date():
    made = handbook.practices(catalogue.load_checks())
    assert is_up_to_date(DOCS / "practices.md", made), "run again with UPDATE_GOLDEN=1"


def test_the_page_of_questions_is_up_to_date():
    made = handbook.questions(documents.load_documented().values())
    assert is_up_to_date(DOCS / "questions.md", made), "run again with UPDATE_GOLDEN=1"

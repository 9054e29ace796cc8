"""The page of diagrams is up to date, and the text beside them tells all."""

import os
from pathlib import Path

import pytest

from asgi_conformance.protocol.diagram import TABLES, page, text
from asgi_conformance.protocol.table import Table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"


def test_the_page_is_up_to_date() -> None:
    made = page()
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "run again with UPDATE_GOLDEN=1"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_text_has_every_cell(table: Table) -> None:
    told = text(table)
    cells = sum(line.startswith("    ") and not line.startswith("    (return)") for line in told.splitlines())
    assert cells == len(table.states) * len(table.events)
    for rule in {rule for row in table.refusals.values() for rule in row.values()} | set(table.endings.values()):
        assert rule in told

"""What the page on the historian shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from andon.settings import DatabaseSettings
from andon.uns import Stage
from services.historian.tables import DOCUMENT_STAGES
from tests.historian.history import archive_of, plant

PAGE = Path(__file__).parents[2] / "docs" / "historian.md"


async def test_the_queries_and_tables_of_the_page_are_there(database: DatabaseSettings) -> None:
    text = PAGE.read_text()
    async with archive_of(database, plant(tags={"flow": {}, "power": {}})) as archive:
        queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        assert len(queries) == 2
        for query in queries:
            await archive.database.fetch(query)
        await archive.database.fetch("SELECT completeness FROM andon.catalogue")
        columns = archive.tables[Stage.CONTEXT, "pump"].columns
    assert {name for name in columns if not name.startswith("tag_")} <= set(re.findall(r"`\"?(\w+)\"?`", text))
    assert all(f"`{stage}`" in text for stage in DOCUMENT_STAGES)

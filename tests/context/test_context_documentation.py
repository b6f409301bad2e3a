"""docs/context.md: its statements run, its example is an example, its rules draw what they say."""

from __future__ import annotations

import re
from pathlib import Path

from andon.contracts import Context
from andon.database import connect, migrate
from andon.production import Fact, Knowledge
from andon.production.facts import Kind
from andon.production.timeline import overlay
from andon.settings import DatabaseSettings
from services.context.settings import ContextSettings

PAGE = (Path(__file__).parents[2] / "docs" / "context.md").read_text()


async def test_every_statement_runs(database: DatabaseSettings) -> None:
    (tell,) = re.findall(r"`(SELECT andon\.tell[^`]*)`", PAGE)
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
    views = re.findall(r"`(?:andon\.)?(batches|products|recipes|shifts|maintenance|machine_states)`", PAGE)
    async with connect(database) as pool:
        await migrate(pool)
        assert await pool.fetchval(tell)
        await pool.execute(block)
        for view in set(views):
            await pool.execute(f"SELECT * FROM andon.{view}")
        assert await pool.fetchval("SELECT product FROM andon.orders") == "a"


def test_the_example_is_a_context() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    assert Context.model_validate_json(block).order == "4711"
    assert set(re.findall(r'"(\w+)":', block)) == set(Context.model_fields)


def test_the_drawing_is_what_counts() -> None:
    def fact(name: str, place: str, start: int, end: int | None) -> Fact:
        return Fact(name, 0, Kind.SHIFT, place, name, start, end)

    knowledge = Knowledge()
    knowledge.load([fact("early", "", 0, 22), fact("late", "", 22, None), fact("A", "line-1", 6, 25)])
    knowledge.load([fact("B", "line-1/m", 13, 17)])
    layers = [knowledge.between(Kind.SHIFT, place, 0, 34) for place in ("line-1/m", "line-1", "")]
    drawn = [fact.name for _, fact in overlay(layers, 0, 34) if fact]
    (counts,) = re.findall(r"^ counts +(.*)$", PAGE, re.M)
    assert counts.split() == drawn


def test_every_setting_that_is_named_is_one() -> None:
    named = re.findall(r"ANDON_CONTEXT__([A-Z_]+)", PAGE)
    assert named
    assert {name.lower() for name in named} <= set(ContextSettings.model_fields)

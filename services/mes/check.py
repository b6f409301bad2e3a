"""Trying a mapping on its systems: what does not fit, and what the first rows would make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg

from andon.contracts import PlantEvent
from andon.database.connection import AWAY
from andon.plant.plain import Problem
from services.mes.event import EventMaker, Refusal
from services.mes.mapping import System, Table
from services.mes.source import Connection, TableError, TableReader, connected, read_dsn

_Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """First rows of a table: the key of each, and what it makes; None when it has not begun."""

    system: System
    table: Table
    made: Sequence[tuple[str, PlantEvent | Refusal | None]]


@dataclass(slots=True)
class Trial:
    """What came of trying a mapping.

    Attributes:
        samples: of the tables that can be read.
        problems: what does not fit; places are the mapping file's.
        doubts: what works, and may be a mistake.
    """

    samples: list[Sample] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    doubts: list[Problem] = field(default_factory=list)


async def try_systems(systems: Sequence[System], places: frozenset[str], size: int) -> Trial:
    """Read the first rows of all tables.

    Args:
        systems: of the mapping.
        places: of the plant.
        size: how many rows of each table.

    Raises:
        ConfigError: the address of a system is not there.
    """
    trial = Trial()
    for number, system in enumerate(systems):
        dsn = read_dsn(system)
        try:
            async with connected(system, dsn) as connection:
                for index in range(len(system.tables)):
                    await _try(trial, connection, (number, index), system, places, size)
        except (*AWAY, asyncpg.PostgresError) as error:
            text = f"the system cannot be reached: {str(error) or repr(error)}"
            trial.problems.append(Problem(("systems", number, "dsn"), text))
    return trial


async def _try(
    trial: Trial, connection: Connection, at: tuple[int, int], system: System, places: frozenset[str], size: int
) -> None:
    place, table = ("systems", at[0], "tables", at[1]), system.tables[at[1]]
    maker = EventMaker(system.name, table, places)
    try:
        reader = await TableReader.opened(connection, system, table)
        rows = (await reader.page(None, size)).rows
    except TableError as error:
        trial.problems += _below(place, error.problems)
    except AWAY:
        raise
    except asyncpg.PostgresError as error:
        trial.problems += _below(place, [Problem(("from",), str(error))])
    else:
        trial.samples.append(Sample(system, table, [(row.key, maker.event(row.row)) for row in rows]))
        trial.doubts += _below(place, await _doubts(reader))


async def _doubts(reader: TableReader) -> Sequence[Problem]:
    try:
        return await reader.doubts()
    except asyncpg.QueryCanceledError:
        text = "too many rows to see within `statement_timeout` whether watermark and key fit all of them"
        return [Problem(("from",), text)]


def _below(place: _Place, problems: Iterable[Problem]) -> list[Problem]:
    return [Problem((*place, *problem.place), problem.text) for problem in problems]

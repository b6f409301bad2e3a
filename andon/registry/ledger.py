"""The audit log and all that is stored, read from the registry; and a file of the log, for whoever has no access."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from andon.errors import ConfigError
from andon.registry.audit import Entry
from andon.registry.client import RegistryClient
from andon.registry.v1 import registry_pb2 as pb

_FIELDS = tuple(Entry.__dataclass_fields__)
_ENTRY = TypeAdapter(Entry)


async def read_log(client: RegistryClient, first: int = 1) -> list[Entry]:
    """Return the audit log from entry *first* on.

    Raises:
        RegistryError: the registry refuses, or is away.
    """
    return [Entry(**{name: getattr(entry, name) for name in _FIELDS}) async for entry in client.audit(first)]


async def read_all(client: RegistryClient) -> tuple[list[Entry], pb.ListResponse]:
    """Return the whole log, and all that was stored at its end.

    Every change comes with an entry of its own, so what is read between two equal ends of the log belongs to it.

    Raises:
        RegistryError: the registry refuses, or is away.
    """
    log = await read_log(client)
    while True:
        stored = await client.list()
        after = log[-1].number + 1 if log else 1
        if not (newer := await read_log(client, after)):
            return log, stored
        log += newer


def write_log(entries: Iterable[Entry], file: Path) -> None:
    """Write entries to a new file, a line of JSON each.

    Raises:
        ConfigError: the file is there, since it may be somebody's proof, or cannot be written.
    """
    lines = (json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")) for entry in entries)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}; choose another name") from None


def read_log_file(file: Path) -> list[Entry]:
    """Return the entries in a file that `write_log` wrote.

    Raises:
        ConfigError: it cannot be read, or names the line that is no entry.
    """
    try:
        lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    return [_entry(line, f"{file}:{number}") for number, line in enumerate(lines, start=1) if line or len(lines) > 1]


def _entry(line: str, where: str) -> Entry:
    try:
        return _ENTRY.validate_json(line, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = ".".join(map(str, found["loc"])) or "line"
        hint = "name a file that `andon registry audit export` wrote"
        raise ConfigError(f"{where}: {place}: {found['msg']}; {hint}") from None

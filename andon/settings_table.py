"""The table of settings, made from the settings themselves, and the `andon settings` command that prints it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

import annotated_types
import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from andon.errors import ConfigError
from andon.settings import PREFIX, Settings
from andon.units import format_duration, parse_duration

#: Where packages register the settings of their services; this one imports none of them.
ENTRY_POINTS = "andon.settings"

_KINDS = {bool: "true or false", int: "integer", float: "number", str: "text", Path: "path", SecretStr: "secret"}

_INTRODUCTION = """# Settings

Every service reads these environment variables once, when it starts; a value that is wrong ends it with a message that
names the variable. Durations are written as `500ms`, `10s`, `5min`, `1h`. What is marked **secret** is never shown, and
is better read from a file: name a directory in `ANDON_SECRETS_DIR` and put the value in a file there that is named like
the variable, such as `andon_database__dsn`. The variable wins when both are there.

This page is made by `andon settings`.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable.

    Attributes:
        variable: its name.
        kind: what its value is, for a person.
        default: as it would be written; None when a value must be given.
        meaning: from the field's docstring.
    """

    variable: str
    kind: str
    default: str | None
    meaning: str


def settings_of(kind: type[BaseModel], prefix: str = PREFIX) -> Iterator[Setting]:
    """Yield all settings of a class of settings, those of its groups too, in the order of their declaration."""
    for name, field in kind.model_fields.items():
        inner, metadata = _bare(field)
        variable = prefix + name.upper()
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner, f"{variable}__")
        else:
            duration = any(getattr(part, "func", None) is parse_duration for part in metadata)
            text = "duration" if duration else _kind(inner, metadata)
            yield Setting(
                variable, text, _default(field, duration=duration), " ".join((field.description or "").split())
            )


def settings_table(kind: type[BaseModel], prefix: str = PREFIX) -> str:
    """Return the settings of a class as a Markdown table."""
    rows = [
        f"| `{one.variable}` | {_marked(one.kind)} | {_code(one.default)} | {one.meaning.replace('|', chr(92) + '|')} |"
        for one in settings_of(kind, prefix)
    ]
    return "\n".join(["| variable | value | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def settings_page() -> str:
    """Return the documentation page: the settings that all services share, and those of each."""
    parts = [_INTRODUCTION, "## All services\n", settings_table(Settings)]
    for name, kind in sorted(service_settings().items()):
        parts += [f"## The {name} service\n", settings_table(kind, f"{PREFIX}{name.upper()}__")]
    return "\n".join(parts)


def service_settings() -> dict[str, type[BaseModel]]:
    """Return each installed service's own settings, by the service's name."""
    return {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINTS)}


def settings(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write to instead.")] = None,
) -> None:
    """Print the table of all settings: environment variable, value, default and meaning."""
    if output is None:
        typer.echo(settings_page(), nl=False)
    else:
        try:
            output.write_text(settings_page(), encoding="utf-8", newline="\n")
        except OSError as error:
            raise ConfigError(f"{output} cannot be written: {error.strerror}") from None


def _bare(field: FieldInfo) -> tuple[Any, list[Any]]:
    """Return the type inside Optional and Annotated, and all that was annotated."""
    inner, metadata = field.annotation, list(field.metadata)
    if typing.get_origin(inner) in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(inner) if option is not type(None)]
        inner = options[0] if len(options) == 1 else inner
    while typing.get_origin(inner) is Annotated:
        inner, *more = typing.get_args(inner)
        metadata += more
    return inner, metadata


def _kind(inner: Any, metadata: list[Any]) -> str:
    options = typing.get_args(inner) if typing.get_origin(inner) is Literal else ()
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        options = tuple(inner)
    if options:
        return " or ".join(f"`{option}`" for option in options)
    bounds = [f"{sign} {bound}" for part in metadata for sign, bound in _bounds(part)]
    return " ".join([_KINDS.get(inner, "JSON"), ", ".join(bounds)]).strip()


def _bounds(part: Any) -> Iterator[tuple[str, Any]]:
    signs = ((annotated_types.Ge, "ge", "at least"), (annotated_types.Gt, "gt", "above"))
    for kind, name, sign in (*signs, (annotated_types.Le, "le", "at most"), (annotated_types.Lt, "lt", "below")):
        if isinstance(part, kind):
            yield sign, getattr(part, name)


def _default(field: FieldInfo, *, duration: bool) -> str | None:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return ""
    if duration:
        return format_duration(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _marked(kind: str) -> str:
    return f"**{kind}**" if kind == _KINDS[SecretStr] else kind


def _code(default: str | None) -> str:
    if default is None:
        return "must be set"
    return f"`{default}`" if default else ""

"""What every command of `andon registry` does: read the settings, call the registry, say what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.text import Text

from andon.errors import ConfigError, RegistryError
from andon.registry.audit import Receipt
from andon.registry.client import RegistryClient, connected
from andon.registry.settings import ClientSettings
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import read_settings
from andon.signing import Trust
from andon.terminal import terminal

_Result = TypeVar("_Result")
#: Largest number that the contract can carry.
LARGEST = 2**63 - 1


def _text(value: str) -> str:
    """Refuse bytes that are no text, as a command line may hold them."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is no text in UTF-8") from None
    return value


def _name(value: str) -> str:
    """Refuse nothing, which the registry would take for everything."""
    if not value:
        raise typer.BadParameter("must not be empty")
    return _text(value)


Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; an auditor will read it.", callback=_text)]
Name = Annotated[str, typer.Argument(help="The model.", callback=_name)]
AnyName = Annotated[str, typer.Argument(help="The model; all when not given.", callback=_text)]
Version = Annotated[str, typer.Argument(help="Its version.", callback=_name)]


def asked(act: Callable[[RegistryClient], Awaitable[_Result]]) -> _Result:
    """Return what *act* has from the registry.

    Raises:
        ConfigError: the settings name no registry, or cannot be used.
        RegistryError: it refuses, or is away.
    """
    settings = read_settings(ClientSettings).models.registry

    async def run() -> _Result:
        async with connected(settings) as client:
            return await act(client)

    try:
        return asyncio.run(run())
    except RegistryError as error:
        if not error.away:
            raise
        words = f"the registry at {settings.address} cannot be used: {error}; see ANDON_MODELS__REGISTRY__*"
        raise RegistryError(words, code=error.code, away=True) from None


def trust() -> Trust:
    """Return whose signatures count.

    Raises:
        ConfigError: no trust file is named, or it is not sound.
    """
    if (found := trust_if_named()) is None:
        raise ConfigError("ANDON_MODELS__TRUST is not set: name the file that says whose signatures count")
    return found


def trust_if_named() -> Trust | None:
    """Return whose signatures count; None when no trust file is named.

    Raises:
        ConfigError: it is not sound.
    """
    path = read_settings(ClientSettings).models.trust
    return Trust.load(path) if path else None


def say(what: str, receipt: pb.Receipt) -> None:
    """Tell what was done, and its receipt."""
    terminal().print(Text(what))
    terminal().print(Text(f"receipt {Receipt(receipt.number, receipt.hash)}", style="dim"), soft_wrap=True)

"""`andon browse`: see what an OPC UA server has, and make a plant model of it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from asyncua.ua import UaError
from pydantic import ValidationError
from rich.console import Console

from andon.errors import ConfigError
from andon.telemetry import Metrics, configure_logs
from services.ingest.opcua.browse import Browsed, as_yaml, proposal, read_branch, tree
from services.ingest.opcua.proposal import Proposal
from services.ingest.opcua.refusals import explain
from services.ingest.opcua.security import SecureClient, secure
from services.ingest.opcua.security_config import Mode, Policy, Security, Trust

_URL = re.compile(r"opc\.tcp://(?P<host>[^/:@\s]+|\[[0-9a-fA-F:]+\])(?P<port>:\d+)?(?P<path>/\S*)?")
_PORT = ":4840"
#: Columns of the tree: more than any line has, so that each stays one that can be copied.
_WIDTH = 2_000


def browse(
    url: Annotated[str, typer.Argument(help="The server, such as opc.tcp://plc-7:4840.", metavar="URL")],
    root: Annotated[str, typer.Option(help="Node to start at, such as nsu=http://vendor/;s=Line1.")] = "i=85",
    depth: Annotated[int, typer.Option(min=1, max=32, help="How many levels below it.")] = 8,
    values: Annotated[bool, typer.Option("--values", help="Show the variables' values, too.")] = False,
    as_plant: Annotated[
        bool, typer.Option("--as-plant", help="Print a plant.yaml and a sources.yaml to start with, instead.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="With --as-plant: folder to write the two files to.")] = None,
    enterprise: Annotated[str, typer.Option(help="With --as-plant: name of the enterprise.")] = "enterprise",
    site: Annotated[str, typer.Option(help="With --as-plant: name of the site.")] = "site",
    policy: Annotated[Policy, typer.Option(help="Security policy.")] = Policy.NONE,
    mode: Annotated[Mode, typer.Option(help="What the policy does with messages.")] = Mode.SIGN_AND_ENCRYPT,
    folder: Annotated[Path, typer.Option(help="Folder of certificates: own, trusted, rejected.")] = Path("pki"),
    trust: Annotated[Trust, typer.Option(help="Which server certificates are accepted.")] = Trust.LISTED,
    user: Annotated[str | None, typer.Option(help="Name to log in with.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File that holds its password.")] = None,
    password_env: Annotated[str | None, typer.Option(help="Environment variable that holds its password.")] = None,
    in_clear: Annotated[bool, typer.Option("--in-clear", help="Send the password even if others can read it.")] = False,
    cert_file: Annotated[Path | None, typer.Option(help="User certificate to log in with.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="Its private key.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each answer.")] = 10.0,
) -> None:
    """Show what an OPC UA server has, or make a plant model of it.

    NodeIds are shown as sources.yaml takes them: with the namespace's URI, which stays when the server is changed.
    Nothing is written to the server.
    """
    configure_logs("browse", level="critical", form="console")
    if user and not (password_file or password_env):
        raise ConfigError("--user needs --password-file or --password-env, which says where the password is")
    login = {"name": user, "password": {"file": password_file, "env": password_env}, "in_clear": in_clear}
    certificate = {"cert_file": cert_file, "key_file": key_file}
    security = _security(
        policy=policy,
        mode=mode,
        folder=folder,
        trust=trust,
        user=login if user else None,
        user_certificate=certificate if cert_file or key_file else None,
    )
    url = _with_port(url)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    if security.policy is Policy.NONE:
        errors.print("not secured: anybody on the way can read and change this (see --policy)", style="yellow")
    browsed = asyncio.run(_browse(url, security, root, depth, timeout, values=values))
    if not as_plant:
        Console(highlight=False, width=_WIDTH).print(tree(browsed, url))
        return
    made = proposal(browsed, root, enterprise, site)
    for note in made.notes:
        errors.print(note, style="yellow", markup=False)
    if not made.plant["assets"]:
        raise ConfigError(
            f"no numbers and no booleans at most {depth} levels below {root}: try another --root or --depth"
        )
    _put(made, _source(url, security, made), output)


async def _browse(url: str, security: Security, root: str, depth: int, patience: float, *, values: bool) -> Browsed:
    client = SecureClient(url, timeout=patience)
    try:
        await secure(client, security, source="browse", metrics=Metrics("browse"))
        async with client:
            return await read_branch(client, root, depth, values=values)
    except (UaError, OSError) as error:
        raise ConfigError(f"{url}: {explain(error)}") from None


def _with_port(url: str) -> str:
    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigError(f"{url!r} is no address of an OPC UA server: write opc.tcp://HOST:PORT")
    return f"opc.tcp://{match['host']}{match['port'] or _PORT}{match['path'] or ''}"


def _security(**given: Any) -> Security:
    try:
        return Security.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        place = ".".join(map(str, found["loc"]))
        raise ConfigError(f"{place or 'login'}: {found['msg'].removeprefix('Value error, ')}") from None


def _source(url: str, security: Security, made: Proposal) -> dict[str, Any]:
    secured = security.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if security.policy is Policy.NONE:
        secured = {name: value for name, value in secured.items() if name in ("policy", "user", "user_certificate")}
    return {"kind": "opcua", "name": "server-1", "url": url, "security": secured, "select": made.select}


def _put(made: Proposal, source: dict[str, Any], folder: Path | None) -> None:
    texts = {
        "plant.yaml": "# Made from an OPC UA server: check names, units and how long values are carried.\n"
        + as_yaml(made.plant),
        "sources.yaml": as_yaml({"sources": [source]}),
    }
    if folder is None:
        typer.echo("---\n".join(f"# {name}\n{text}" for name, text in texts.items()), nl=False)
        return
    for name, text in texts.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("x", encoding="utf-8") as file:  # never over what a person wrote
                file.write(text)
        except OSError as error:
            raise ConfigError(f"{folder / name} cannot be written: {error.strerror}") from None
        typer.echo(folder / name)

"""The `andon` command. It imports nothing of what it runs: every package adds its own commands.

A command is an entry point of the group ``andon.commands``: a `typer.Typer` becomes a group of commands, a
function becomes one command. It is imported when it is used, so that what one command needs (PyTorch, an
embedded broker) neither slows down nor breaks another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any, NoReturn, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text
from typer.core import TyperGroup
from typer.main import get_group

from andon.errors import AndonError, ConfigError

ENTRY_POINTS = "andon.commands"
#: Exit code of errors that a person can put right; also that of a wrong command line.
USER_ERROR = 2

#: Command to the panel of the help that shows it, in the help's order.
_PANELS = {
    "demo": "Try it",
    "up": "Try it",
    "plant": "Set up a site",
    "browse": "Set up a site",
    "mes": "Set up a site",
    "notify": "Set up a site",
    "dataset": "Set up a site",
    "train": "Set up a site",
    "evaluate": "Set up a site",
    "alert": "Run a site",
    "feedback": "Run a site",
    "history": "Run a site",
    "bundle": "Run a site",
    "deadletter": "Run a site",
    "why": "Run a site",
    "parity": "Run a site",
    "registry": "Run a site",
    "probe": "Run a site",
    "database": "Run a site",
    "settings": "Run a site",
    "contracts": "Connect other systems",
}
_REQUIREMENT_OF_EXTRA = re.compile(r"(?P<package>[\w.-]+).*;.*\bextra\s*==\s*['\"](?P<extra>[\w.-]+)['\"]")

_HELP = """From the machine's sensors to a decision that somebody on the shop floor can act on.

Andon watches machines through their sensor data, tells people what needs them and why, and keeps the models \
behind it honest. It gives advice only: it never writes to a controller."""

_EPILOG = """[bold]Start with[/]
  [cyan]andon demo[/]              watch it find a failing machine in a simulated plant
  [cyan]andon plant --help[/]      describe your own machines
  [cyan]andon COMMAND --help[/]    see all that a command can do"""


class _InstalledCommands(Mapping[str, Any]):
    """Name to command, in the help's order; a command is imported when it is looked up."""

    def __init__(self) -> None:
        self._entries = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}

    def __getitem__(self, name: str) -> Any:
        return _load(self._entries[name])

    def __iter__(self) -> Iterator[str]:
        order = list(_PANELS)
        return iter(sorted(self._entries, key=lambda name: (order.index(name) if name in order else len(order), name)))

    def __len__(self) -> int:
        return len(self._entries)

    def remedy(self, name: str, error: ModuleNotFoundError) -> str | None:
        """Return what to install for command *name* that failed with *error*; None if no extra brings it."""
        return _remedy(self._entries[name], error)


class _AndonGroup(TyperGroup):
    """Runs the installed commands, and says in plain words what a person must put right."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._installed = _InstalledCommands()
        self.commands = cast(Any, self._installed)  # typer only reads it, but declares it mutable

    def invoke(self, ctx: Any) -> Any:  # Any: the context's type is private to typer
        try:
            return super().invoke(ctx)
        except AndonError as error:
            _fail(str(error))
        except ModuleNotFoundError as error:
            remedy = self._installed.remedy(ctx.invoked_subcommand, error)
            if remedy is None:
                raise
            _fail(remedy)


app = typer.Typer(
    cls=_AndonGroup,
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the `andon` command."""
    app(prog_name="andon")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"andon {version('andon')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _load(entry: EntryPoint) -> Any:
    """Return the command that *entry* names, or one that says why it cannot be had."""
    try:
        target = entry.load()
    except ModuleNotFoundError as error:
        reason = _remedy(entry, error) or _broken(entry, error)
    except (ImportError, AttributeError) as error:
        reason = _broken(entry, error)
    else:
        return _command(entry.name, target)
    return _unavailable(entry.name, reason)


def _command(name: str, target: Any) -> Any:
    holder = typer.Typer()
    if isinstance(target, typer.Typer):
        holder.add_typer(target, name=name, rich_help_panel=_PANELS.get(name))
    else:
        holder.command(name, rich_help_panel=_PANELS.get(name))(target)
    return get_group(holder).commands[name]


def _unavailable(name: str, reason: str) -> Any:
    holder = typer.Typer()
    takes_anything = {"allow_extra_args": True, "ignore_unknown_options": True}

    @holder.command(
        name, help=f"[dim]{escape(reason)}[/]", rich_help_panel=_PANELS.get(name), context_settings=takes_anything
    )
    def explain() -> None:
        raise ConfigError(reason)

    return get_group(holder).commands[name]


def _remedy(entry: EntryPoint, error: ModuleNotFoundError) -> str | None:
    """Return which extra of the command's package to install; None if none brings the missing module."""
    if entry.dist is None:
        return None
    missing = _normal((error.name or "").partition(".")[0])
    found = filter(None, map(_REQUIREMENT_OF_EXTRA.match, entry.dist.requires or []))
    extras = [match["extra"] for match in found if _normal(match["package"]) == missing]
    if not extras:
        return None
    # If several bring it, take the one that the command's module is named after: `sandbox` for sandbox.cli.
    extra = min(extras, key=lambda name: name not in entry.module)
    return f"`andon {entry.name}` needs {error.name}, which is not installed: pip install '{entry.dist.name}[{extra}]'"


def _normal(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _broken(entry: EntryPoint, error: Exception) -> str:
    package = entry.dist.name if entry.dist else "its package"
    return f"`andon {entry.name}` cannot be loaded from {entry.module}: {error}; reinstall {package}"


def _fail(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text.assemble(("Error: ", "bold red"), message))
    raise typer.Exit(USER_ERROR)

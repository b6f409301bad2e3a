"""The `andon` command, with a package installed beside Andon that adds commands of its own."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from andon.cli import app, main

DISTRIBUTION = {
    "plant_extras-1.0.dist-info/METADATA": """\
Metadata-Version: 2.1
Name: plant-extras
Version: 1.0
Provides-Extra: vision
Provides-Extra: training
Requires-Dist: not-there>=2; extra == "training"
Requires-Dist: not-there>=2; extra == "vision"
Requires-Dist: typer
""",
    "plant_extras-1.0.dist-info/entry_points.txt": """\
[andon.commands]
greet = plant_extras:greet
line = plant_extras:line
look = plant_extras_vision:look
late = plant_extras:late
gone = plant_extras:gone
broken = plant_extras_broken:app
""",
    "plant_extras.py": '''\
import typer
from andon.errors import ConfigError

line = typer.Typer(help="Everything about a line.")

@line.command()
def stop() -> None:
    raise ConfigError("plant.yaml: [line-1] has no `stop`; add one")

def greet(name: str) -> None:
    """Say hello."""
    typer.echo(f"hello {name}")

def late() -> None:
    import not_there.camera
''',
    "plant_extras_vision.py": "import not_there.camera\n",
    "plant_extras_broken.py": "from andon import nonsense\n",
}


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    site = tmp_path_factory.mktemp("site-packages")
    for name, text in DISTRIBUTION.items():
        path = site / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        yield


def andon(*arguments: str) -> Result:
    plain = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None, "COLUMNS": "120"}
    return CliRunner(env=plain).invoke(app, list(arguments), prog_name="andon")


def test_version_is_the_installed_one() -> None:
    assert andon("--version").output == f"andon {version('andon')}\n"


def test_help_shows_every_command_though_some_cannot_be_loaded() -> None:
    result = andon("--help")
    assert result.exit_code == 0
    for text in ("Start with", "andon demo", "contracts", "greet", "Say hello.", "line", "look", "broken"):
        assert text in result.output


def test_a_function_is_a_command() -> None:
    assert andon("greet", "pump-3").output == "hello pump-3\n"


def test_a_typer_app_is_a_group_even_with_one_command() -> None:
    assert "stop" in andon("line", "--help").output


def test_an_error_of_andons_is_one_plain_message() -> None:
    result = andon("line", "stop")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "Error: plant.yaml: [line-1] has no `stop`; add one\n"


@pytest.mark.parametrize(("command", "extra"), [("look", "vision"), ("late", "training")])
def test_a_missing_module_names_the_extra_that_brings_it(command: str, extra: str) -> None:
    result = andon(command)
    assert result.exit_code == 2
    assert f"`andon {command}` needs not_there, which is not installed" in result.stderr
    assert f"pip install 'plant-extras[{extra}]'" in result.stderr


@pytest.mark.parametrize(("command", "reason"), [("broken", "cannot import name 'nonsense'"), ("gone", "'gone'")])
def test_a_command_that_cannot_be_loaded_says_why_whatever_follows_it(command: str, reason: str) -> None:
    result = andon(command, "run", "--fast")
    assert result.exit_code == 2
    assert reason in result.stderr
    assert "reinstall plant-extras" in result.stderr


def test_a_misspelt_command_is_guessed() -> None:
    result = andon("contract")
    assert result.exit_code == 2
    assert "'contracts'" in result.stderr


def test_main_runs_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["andon", "greet", "pump-3"])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 0
    assert capsys.readouterr().out == "hello pump-3\n"


def test_loading_a_command_leaves_the_others_alone(tmp_path: Path) -> None:
    assert andon("contracts", "export", "--directory", str(tmp_path / "made")).exit_code == 0
    assert (tmp_path / "made" / "asyncapi.json").is_file()

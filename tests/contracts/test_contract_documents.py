"""The committed documents say what the code says, and are valid by the standards they claim."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from andon.contracts import CATALOGUE
from andon.contracts.cli import app, differences
from andon.contracts.examples import EXAMPLES
from andon.contracts.export import contract_files
from andon.contracts.headers import Headers
from andon.contracts.schemas import event_schema, schema_file

COMMITTED = Path(__file__).parents[2] / "docs" / "contracts"
FILES = contract_files()
SCHEMAS = [name for name in FILES if name.endswith(".schema.json")]
ASYNCAPI: dict[str, Any] = json.loads(FILES["asyncapi.json"])


def export(*arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"FORCE_COLOR": None, "TTY_COMPATIBLE": None}).invoke(app, ["export", *arguments])
    return result.exit_code, result.output


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolve(reference: str) -> Any:
    assert reference.startswith("#/")
    node: Any = ASYNCAPI
    for key in reference[2:].split("/"):
        node = node[key]
    return node


def test_the_committed_documents_are_up_to_date() -> None:
    assert differences(COMMITTED, FILES) == {}, "run `andon contracts export` and commit what it writes"


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_valid_and_takes_its_own_example(name: str) -> None:
    schema = json.loads(FILES[name])
    Draft202012Validator.check_schema(schema)
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.__name__)
def test_an_event_with_all_its_defaults_written_out_fits_its_schema(event: type) -> None:
    Draft202012Validator(event_schema(event)).validate(EXAMPLES[event].model_dump(mode="json"))


@pytest.mark.parametrize(
    "broken", [{"asset": "water//pump"}, {"time": -1}, {"values": {"flow": [1]}}, {"origin": "replay"}, {"id": ""}]
)
def test_a_schema_refuses_what_the_code_refuses(broken: dict[str, Any]) -> None:
    (frame,) = json.loads(FILES["frame.schema.json"])["examples"]
    assert not Draft202012Validator(json.loads(FILES["frame.schema.json"])).is_valid(frame | broken)


def test_schemas_are_told_apart_by_id_and_title() -> None:
    schemas = [json.loads(FILES[name]) for name in SCHEMAS]
    assert len({schema["$id"] for schema in schemas}) == len(SCHEMAS)
    assert {schema["title"] for schema in schemas} == {event.__name__ for event in EXAMPLES}


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    found = set(references(ASYNCAPI))
    assert found
    for reference in found:
        assert resolve(reference) is not None


def test_every_topic_is_a_channel_with_its_kafka_settings() -> None:
    assert set(ASYNCAPI["channels"]) == {stage.value for stage in CATALOGUE}
    model = ASYNCAPI["channels"]["model"]
    assert model["address"] == "{prefix}.v1.{enterprise}.{site}.model"
    assert set(model["parameters"]) == {"prefix", "enterprise", "site"}
    settings = model["bindings"]["kafka"]["topicConfiguration"]
    assert settings == {"cleanup.policy": ["delete"], "retention.ms": -1, "max.message.bytes": 1_048_588}


def test_every_producer_sends_and_every_consumer_receives() -> None:
    operations = {(name, body["action"]) for name, body in ASYNCAPI["operations"].items()}
    for stage, spec in CATALOGUE.items():
        assert {(f"{service}-sends-{stage}", "send") for service in spec.producers} <= operations
        assert {(f"{service}-receives-{stage}", "receive") for service in spec.consumers} <= operations
    assert len(operations) == sum(len(spec.producers) + len(spec.consumers) for spec in CATALOGUE.values())


def test_an_operations_messages_are_those_of_its_channel() -> None:
    for body in ASYNCAPI["operations"].values():
        channel = resolve(body["channel"]["$ref"])
        offered = {f"{body['channel']['$ref']}/messages/{name}" for name in channel["messages"]}
        assert {message["$ref"] for message in body["messages"]} <= offered


def test_every_message_has_keys_headers_and_an_example_that_fits() -> None:
    for name, message in ASYNCAPI["components"]["messages"].items():
        assert message["bindings"]["kafka"]["key"]["type"] == "string", name
        assert set(resolve(message["headers"]["$ref"])["properties"]) == {
            "andon-contract",
            "andon-lineage",
            "traceparent",
        }
        # The document as a schema whose root is the payload: so its references resolve as in the document.
        payload = Draft202012Validator({**message["payload"], "components": ASYNCAPI["components"]})
        for example in message["examples"]:
            payload.validate(example["payload"])
            Headers.model_validate(example["headers"])


def test_the_readme_links_every_schema_and_names_every_service() -> None:
    readme = FILES["README.md"]
    for spec in CATALOGUE.values():
        assert f"[{spec.event.__name__}]({schema_file(spec.event)})" in readme
        for service in (*spec.producers, *spec.consumers):
            assert service in readme


def test_export_writes_what_check_then_accepts(tmp_path: Path) -> None:
    folder = str(tmp_path / "made" / "contracts")
    assert export("--directory", folder)[0] == 0
    assert export("--directory", folder, "--check") == (0, f"{len(FILES)} files in {folder} are up to date.\n")


def test_check_names_what_differs_and_writes_nothing(tmp_path: Path) -> None:
    export("--directory", str(tmp_path))
    (tmp_path / "README.md").write_text("by hand")
    (tmp_path / "asyncapi.json").unlink()
    (tmp_path / "spindle.schema.json").write_text("{}")
    code, output = export("--directory", str(tmp_path), "--check")
    assert code == 1
    for line in ("changed  {}/README.md", "missing  {}/asyncapi.json", "left over  {}/spindle.schema.json"):
        assert line.format(tmp_path) in output
    assert (tmp_path / "README.md").read_text() == "by hand"

"""The registry's gRPC contract: buf's STANDARD lint rules as far as descriptors show them, health and reflection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from andon.registry.v1 import registry_pb2
from andon.settings import DatabaseSettings
from sandbox.registry import RegistrySite
from tests.registry.desk import registry

CONTRACT: FileDescriptor = registry_pb2.DESCRIPTOR
SERVICE = "andon.registry.v1.RegistryService"
HEALTH = "grpc.health.v1.Health"
PASCAL, LOWER_SNAKE, UPPER_SNAKE = r"([A-Z][a-z0-9]*)+", r"[a-z][a-z0-9]*(_[a-z0-9]+)*", r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*"


def messages() -> Iterator[Descriptor]:
    """Yield all messages, nested ones too."""
    waiting: list[Descriptor] = list(CONTRACT.message_types_by_name.values())
    while waiting:
        message = waiting.pop()
        waiting += message.nested_types
        yield message


def test_the_package_is_versioned_and_named_as_its_folder() -> None:
    assert re.fullmatch(rf"{LOWER_SNAKE}(\.{LOWER_SNAKE})*\.v\d+", CONTRACT.package)
    folder, _, file = CONTRACT.name.rpartition("/")
    assert folder == CONTRACT.package.replace(".", "/")
    assert re.fullmatch(rf"{LOWER_SNAKE}\.proto", file)
    assert (Path(__file__).parents[2] / "proto" / CONTRACT.name).is_file()


def test_every_call_has_a_request_and_a_response_of_its_own() -> None:
    (service,) = CONTRACT.services_by_name.values()
    assert (service.full_name, service.name.endswith("Service")) == (SERVICE, True)
    for call in service.methods:
        assert re.fullmatch(PASCAL, call.name)
        assert (call.input_type.name, call.output_type.name) == (f"{call.name}Request", f"{call.name}Response")
    used = [kind.full_name for call in service.methods for kind in (call.input_type, call.output_type)]
    assert len(used) == len(set(used))


def test_messages_fields_and_choices_are_named_as_everywhere() -> None:
    for message in messages():
        assert re.fullmatch(PASCAL, message.name)
        for name in (*message.fields_by_name, *message.oneofs_by_name):
            assert re.fullmatch(LOWER_SNAKE, name), f"{message.full_name}.{name}"


def test_enum_values_carry_their_enum_and_begin_with_unspecified() -> None:
    nested = (enum for message in messages() for enum in message.enum_types)
    for enum in (*CONTRACT.enum_types_by_name.values(), *nested):
        prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper()
        assert re.fullmatch(PASCAL, enum.name)
        assert enum.values_by_number[0].name == f"{prefix}_UNSPECIFIED"
        for value in enum.values:
            assert re.fullmatch(rf"{prefix}_{UPPER_SNAKE}", value.name)


def credentials(site: RegistrySite, name: str) -> grpc.ChannelCredentials:
    tls = site.folder / "tls"
    files = (tls / "ca.pem", tls / f"{name}.key", tls / f"{name}.pem")
    return grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))


async def test_health_is_told_to_everybody_whom_tls_lets_in(database: DatabaseSettings, tmp_path: Path) -> None:
    async with (
        registry(tmp_path, database) as site,
        grpc.aio.secure_channel(f"127.0.0.1:{site.port}", credentials(site, "registry")) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", SERVICE):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(service="andon.registry.v1.Other"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_gives_the_contract_to_whoever_has_a_role(database: DatabaseSettings, tmp_path: Path) -> None:
    def reflected(site: RegistrySite, name: str) -> tuple[set[str], bytes]:
        with grpc.secure_channel(f"127.0.0.1:{site.port}", credentials(site, name)) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            return set(database.get_services()), database.FindFileContainingSymbol(SERVICE).SerializeToString()

    async with registry(tmp_path, database) as site:
        services, contract = await asyncio.to_thread(reflected, site, "clara")
        assert services >= {SERVICE, HEALTH}
        assert contract == CONTRACT.serialized_pb
        with pytest.raises(grpc.RpcError) as caught:
            await asyncio.to_thread(reflected, site, "registry")
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED

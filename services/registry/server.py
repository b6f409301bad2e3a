"""The gRPC server around the service: TLS, identities, health and reflection."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from andon.clock import SECOND
from andon.connection import ServerTlsSettings
from andon.errors import ConfigError
from andon.grpc_tls import plain_key
from andon.registry.v1 import registry_pb2, registry_pb2_grpc
from andon.telemetry import get_logger
from services.registry.identity import Guard
from services.registry.service import RegistryService
from services.registry.settings import RegistrySettings

_log = get_logger(__name__)
_NAME = registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name
_REFLECTED = (_NAME, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
#: A client that died without a word is found out, and its upload forgotten.
_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@contextlib.asynccontextmanager
async def serving(settings: RegistrySettings, service: RegistryService, guard: Guard) -> AsyncIterator[int]:
    """Answer calls for the length of an `async with` block; gives the port.

    Raises:
        ConfigError: a TLS file cannot be used, or the address is taken.
    """
    server = grpc.aio.server(interceptors=(guard,), options=_OPTIONS)
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(service, server)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection(_REFLECTED, server)
    port = _bind(server, settings)
    await server.start()
    await healthy.set(_NAME, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield port
    finally:
        await healthy.enter_graceful_shutdown()
        await server.stop(settings.stop_deadline / SECOND)


def _bind(server: grpc.aio.Server, settings: RegistrySettings) -> int:
    address = f"{settings.host}:{settings.port}"
    try:
        if settings.insecure:
            _log.warning("INSECURE: served without TLS, for development only", address=address)
            return int(server.add_insecure_port(address))
        return int(server.add_secure_port(address, _credentials(settings.tls)))
    except RuntimeError as error:
        raise ConfigError(f"cannot listen on {address}: {error} (see ANDON_REGISTRY__HOST and __PORT)") from None


def _credentials(tls: ServerTlsSettings) -> grpc.ServerCredentials:
    """Return credentials that follow the files: certificates are renewed while the registry runs."""
    files = [file for file in (tls.key_file, tls.cert_file, tls.client_ca_file) if file]
    tls.context()  # says which file is wrong, and what is wrong with it
    known, first = _stamps(files), _configuration(tls)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal known
        with contextlib.suppress(OSError, ValueError):  # half-way through being replaced: what is known stays in use
            if (stamps := _stamps(files)) != known:
                configuration = _configuration(tls)
                known = stamps
                return configuration
        return None

    return grpc.dynamic_ssl_server_credentials(
        first, renewed, require_client_authentication=tls.client_ca_file is not None
    )


def _configuration(tls: ServerTlsSettings) -> grpc.ServerCertificateConfiguration:
    key = plain_key(tls.key_file, tls.key_password) if tls.key_file else b""
    certificate, authorities = (file.read_bytes() if file else None for file in (tls.cert_file, tls.client_ca_file))
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=authorities)


def _stamps(files: list[Path]) -> list[int]:
    return [file.stat().st_mtime_ns for file in files]

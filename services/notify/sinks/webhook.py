"""An HTTP endpoint as a sink."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self

import aiohttp

from andon.clock import SECOND, Clock, wall_clock
from andon.contracts.headers import TRACEPARENT_HEADER
from andon.errors import ConfigError
from andon.secrets import SecretRef
from andon.tracing.span import is_context
from services.notify.answer import Answer, Later, judge
from services.notify.config import WebhookConfig
from services.notify.notification import Notification
from services.notify.signature import signature

KEY_HEADER = "Idempotency-Key"
SIGNATURE_HEADER = "X-Andon-Signature"
TEST_HEADER = "X-Andon-Test"
#: What is read of an answer that is no success; it is for a person.
_SHOWN_BYTES = 200


class WebhookSink:
    """Posts each notification.

    Args:
        config: where and how.
        clock: microseconds UTC.

    Raises:
        ConfigError: a secret or certificate cannot be used.
    """

    def __init__(self, config: WebhookConfig, *, clock: Clock = wall_clock) -> None:
        self._config, self._clock = config, clock
        self._secret = _read(config.secret)
        self._authorization = _read(config.authorization)
        self._tls: ssl.SSLContext | bool = config.tls.context() or True
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls),
            timeout=aiohttp.ClientTimeout(total=self._config.timeout / SECOND),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def deliver(self, notification: Notification) -> Answer:
        """Post it; redirects are not followed, as they could lead anywhere."""
        if self._session is None:
            raise RuntimeError("the sink is not open")
        try:
            async with self._session.post(
                self._config.url,
                data=notification.body,
                headers=self._headers(notification),
                allow_redirects=False,
            ) as response:
                said = "" if response.ok else self._masked(await response.content.read(_SHOWN_BYTES))
                return judge(response.status, response.headers.get("Retry-After"), said, self._clock())
        except TimeoutError:
            return Later(f"{self._config.address} does not answer in {self._config.timeout / SECOND:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Later(f"{self._config.address}: {type(error).__name__}: {error}")

    def _headers(self, notification: Notification) -> dict[str, str]:
        headers = {"Content-Type": "application/json", KEY_HEADER: notification.key}
        if self._authorization:
            headers["Authorization"] = self._authorization
        if self._secret:
            headers[SIGNATURE_HEADER] = signature(self._secret, notification.body, self._clock())
        if notification.test:
            headers[TEST_HEADER] = "true"
        if notification.trace and is_context(notification.trace):  # which a header could not hold otherwise
            headers[TRACEPARENT_HEADER] = notification.trace
        return headers

    def _masked(self, body: bytes) -> str:
        """Return the beginning of an answer in one line, without our secrets, which it may repeat."""
        text = " ".join(body.decode(errors="replace").split())
        for secret in filter(None, (self._secret, self._authorization)):
            text = text.replace(secret, "***")
        return "".join(each if each.isprintable() else "?" for each in text)


def _read(place: SecretRef | None) -> str | None:
    if place is None:
        return None
    secret = place.read().get_secret_value()
    if not secret or not secret.isprintable():
        raise ConfigError(f"the secret at {place.file or place.env} is empty or more than one line (correct it)")
    return secret

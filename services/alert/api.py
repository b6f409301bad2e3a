"""What people say about alerts, over HTTP: checked, published, and answered at once."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from andon.contracts import Action
from andon.contracts.base import faults
from andon.errors import AlertStateError, DeliveryError, FeedbackError, UnknownAlertError
from andon.telemetry import Metrics, get_logger
from services.alert.desk import Desk, Statement
from services.alert.settings import ApiSettings

_log = get_logger(__name__)
_MOST_BYTES = 16_384
_FIELDS: dict[Action, frozenset[str]] = {
    Action.VERDICT: frozenset({"alert", "verdict", "author", "note"}),
    Action.ACKNOWLEDGE: frozenset({"author", "note"}),
    Action.SHELVE: frozenset({"author", "note", "for"}),
}
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownAlertError, 404),
    (AlertStateError, 409),
    (FeedbackError, 400),
    (KafkaError, 503),
    (DeliveryError, 503),
)


class Api:
    """The HTTP server; several workers may each have one.

    Args:
        settings: where to listen, and the token.
        desk: takes what is said.
        metrics: where to count what is refused.
    """

    def __init__(self, settings: ApiSettings, desk: Desk, metrics: Metrics) -> None:
        self._settings, self._desk, self._metrics = settings, desk, metrics
        self.port = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen for the length of an `async with` block, if a port is set; `self.port` then holds it.

        Raises:
            ConfigError: the TLS files cannot be used.
        """
        if self._settings.port is None:
            yield
            return
        runner = web.AppRunner(self._app(), access_log=None)
        await runner.setup()
        try:
            context = self._settings.tls.context()
            await web.TCPSite(runner, self._settings.host, self._settings.port, ssl_context=context).start()
            self.port = runner.addresses[0][1]
            _log.info("listening for feedback", port=self.port, tls=context is not None)
            yield
        finally:
            await runner.cleanup()

    def _app(self) -> web.Application:
        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guarded(request, handler)

        app = web.Application(middlewares=[guarded], client_max_size=_MOST_BYTES)
        app.add_routes(
            [
                web.post("/feedback", self._post_feedback),
                web.post("/alerts/{alert:.+}/acknowledge", self._post_acknowledge),
                web.post("/alerts/{alert:.+}/shelve", self._post_shelve),
            ]
        )
        return app

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = self._unauthorised(request) or await _answered(request, handler)
        if answer.status >= 400:
            self._metrics.count("andon_feedback_refused_total", status=str(answer.status))
        return answer

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        """Return why *request* is not allowed; None when it is."""
        if self._settings.token is None:
            return _refused(403, "no token is set, so nobody is let in: set ANDON_ALERT__API__TOKEN")
        wanted = f"Bearer {self._settings.token.get_secret_value()}"
        if hmac.compare_digest(
            request.headers.get("Authorization", "").encode(errors="surrogateescape"), wanted.encode()
        ):
            return None
        answer = _refused(401, "a bearer token is needed, and the right one")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    async def _post_feedback(self, request: web.Request) -> web.Response:
        return await self._take(Action.VERDICT, await _body(request, Action.VERDICT))

    async def _post_acknowledge(self, request: web.Request) -> web.Response:
        body = await _body(request, Action.ACKNOWLEDGE)
        return await self._take(Action.ACKNOWLEDGE, body | {"alert": request.match_info["alert"]})

    async def _post_shelve(self, request: web.Request) -> web.Response:
        body = await _body(request, Action.SHELVE)
        shelf = {"alert": request.match_info["alert"], "shelve_for": body.pop("for", None)}
        return await self._take(Action.SHELVE, body | shelf)

    async def _take(self, action: Action, said: dict[str, Any]) -> web.Response:
        feedback = await self._desk.take(Statement.model_validate(said | {"action": action}))
        return web.Response(status=202, body=orjson.dumps({"id": feedback.id}), content_type="application/json")


async def _body(request: web.Request, action: Action) -> dict[str, Any]:
    """Return the JSON object that *request* brings.

    Raises:
        FeedbackError: it is none, or holds fields that mean nothing here.
    """
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise FeedbackError(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise FeedbackError("the body must be a JSON object")
    if unknown := sorted(body.keys() - _FIELDS[action]):
        raise FeedbackError(f"unknown fields {', '.join(unknown)}; known are {', '.join(sorted(_FIELDS[action]))}")
    return body


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the answer to *request*, with the reason where it cannot be taken."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _refused(error.status, error.reason)
    except ValidationError as error:
        return _refused(400, faults(error))
    except (FeedbackError, KafkaError, DeliveryError) as error:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return _refused(status, str(error) if status < 500 else "the broker does not answer; try again")


def _refused(status: int, reason: str) -> web.Response:
    return web.Response(status=status, body=orjson.dumps({"reason": reason}), content_type="application/json")

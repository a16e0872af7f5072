"""What is the same for all requests: authorization, bounds on the body, headers, counts."""

import asyncio
import hmac
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import Metrics
from .settings import Limits

HEADERS = {
    # Only files of this service: no other address, no inline code.
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Guard:
    """Middleware for all requests.

    app (ASGIApp): The application.
    limits (Limits): Bounds on the size and time of a body.
    token (str): The bearer token for `protected` paths; empty for none.
    metrics (Metrics): The metrics to update.
    paths (frozenset[str]): The paths to count by name; all others are counted together.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, token: str, metrics: Metrics, paths: frozenset[str]
    ):
        self.app = app
        self.limits = limits
        self.token = f"Bearer {token}".encode() if token else b""
        self.metrics = metrics
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = scope["path"] if scope["path"] in self.paths else "other"
        start = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                self.metrics.requests.labels(path, message["status"]).inc()
                if path == "/v1/entities":
                    self.metrics.seconds.observe(time.perf_counter() - start)
            await send(message)

        if self._is_protected(scope["path"]) and not self._is_authorized(scope):
            refused = JSONResponse(
                {"detail": "Send the header `Authorization: Bearer TOKEN`."},
                status_code=401,
                # Its body is not read.
                headers={"www-authenticate": "Bearer", "connection": "close"},
            )
            return await refused(scope, receive, send_with_headers)
        await self.app(scope, self._bounded(scope, receive), send_with_headers)

    def _is_protected(self, path: str) -> bool:
        return path.startswith("/v1/") or path == "/metrics"

    def _is_authorized(self, scope: Scope) -> bool:
        if not self.token:
            return True
        given = Headers(scope=scope).get("authorization", "").encode("latin-1")
        return hmac.compare_digest(given, self.token)

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """RETURNS (Receive): Receives a body that is not too large, and arrives in time."""
        read = 0
        is_read = False
        deadline: float | None = None
        length = Headers(scope=scope).get("content-length", "")
        too_long = length.isdecimal() and int(length[:20]) > self.limits.body

        async def bounded() -> Message:
            nonlocal read, is_read, deadline
            if is_read:  # waits for the client to leave
                return await receive()
            if too_long:
                raise _refusal(413, f"The body has more than {self.limits.body:,} bytes.")
            now = time.monotonic()
            deadline = deadline or now + self.limits.seconds
            try:
                message = await asyncio.wait_for(receive(), max(deadline - now, 0.0))
            except asyncio.TimeoutError:
                raise _refusal(
                    408, f"The body did not arrive within {self.limits.seconds:g} seconds."
                ) from None
            read += len(message.get("body", b""))
            if read > self.limits.body:
                raise _refusal(413, f"The body has more than {self.limits.body:,} bytes.")
            is_read = not message.get("more_body", False)
            return message

        return bounded


def _refusal(status: int, detail: str) -> HTTPException:
    return HTTPException(status, detail, headers={"connection": "close"})

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
# Closes the connection after the answer: the rest of the body is not read.
CLOSE = {"connection": "close"}
# Bytes of a body that is too large to read on before the answer.
DRAINED = 1 << 24


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
                headers={"www-authenticate": "Bearer", **CLOSE},
            )
            return await refused(scope, receive, send_with_headers)
        announced = Headers(scope=scope).get("content-length", "")
        body = BoundedBody(receive, announced, self.limits)
        await self.app(scope, body, send_with_headers)

    def _is_protected(self, path: str) -> bool:
        return path.startswith("/v1/") or path == "/metrics"

    def _is_authorized(self, scope: Scope) -> bool:
        if not self.token:
            return True
        given = Headers(scope=scope).get("authorization", "").encode("latin-1")
        return hmac.compare_digest(given, self.token)


class BoundedBody:
    """Receives a request whose body is not too large, and arrives in time.

    receive (Receive): Receives the request.
    announced (str): The header content-length.
    limits (Limits): Bounds on the size and time of the body.
    """

    def __init__(self, receive: Receive, announced: str, limits: Limits):
        self._receive = receive
        self._limits = limits
        self._size = int(announced[:20]) if announced.isdecimal() else 0
        self._read = 0
        self._is_read = False
        self._deadline: float | None = None

    async def __call__(self) -> Message:
        """RETURNS (Message): The next part of the body; after the last one, the message that
        the client has left.
        RAISES: HTTPException if the body is too large, or late."""
        if self._is_read:
            return await self._receive()
        if self._size <= self._limits.body:
            message = await self._next()
            if self._size <= self._limits.body:
                return message
        # A client that is still sending may not see the answer.
        while not self._is_read and self._size < DRAINED:
            await self._next()
        raise HTTPException(
            413, f"The body has more than {self._limits.body:,} bytes.", headers=CLOSE
        )

    async def _next(self) -> Message:
        now, seconds = time.monotonic(), self._limits.seconds
        self._deadline = self._deadline or now + seconds
        try:
            message = await asyncio.wait_for(self._receive(), max(self._deadline - now, 0.0))
        except asyncio.TimeoutError:
            raise HTTPException(
                408, f"The body did not arrive within {seconds:g} seconds.", headers=CLOSE
            ) from None
        self._read += len(message.get("body", b""))
        self._size = max(self._size, self._read)
        self._is_read = not message.get("more_body", False)
        return message

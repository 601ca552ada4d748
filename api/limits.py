"""What every request passes first: the limit on bodies while they stream, security headers, and the CSRF check.

The CSRF check is Datasette's: no form tokens, but `Sec-Fetch-Site` (or, from older browsers, `Origin`) must say that a
changing request which carries cookies comes from our own pages. API keys are not sent by browsers on their own, so
requests with an Authorization header and without cookies pass.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, ApiProblem, Problem
from hitl.settings import settings

SMALL_BODY = 1_000_000
MULTIPART_ROOM = 100_000  # boundaries and form fields around the file
TAKES_FILES = re.compile(r"/(v1/documents|upload|types/[^/]+/master-data)$")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


class LimitBody:
    """Refuse a body that is too large at its announced length, or at the byte that exceeds the limit."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = body_limit(scope)
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdigit() or int(announced) > limit:
            await _refuse(scope, send, _too_large(limit).problem)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _too_large(limit)  # an HTTPException, which form parsing lets through
            return message

        await self.app(scope, counted, send)


def body_limit(scope: Scope) -> int:
    """Bytes that the body of this request may have: a file's worth where files are taken, little for the rest."""
    return settings().max_bytes + MULTIPART_ROOM if takes_files(scope) else SMALL_BODY


def takes_files(scope: Scope) -> bool:
    """Whether the request carries a form with a file to an address that takes one."""
    kind = Headers(scope=scope).get("content-type", "")
    return kind.startswith("multipart/") and TAKES_FILES.match(scope["path"]) is not None


def _too_large(limit: int) -> ApiProblem:
    return ApiProblem(
        413, "too_large", f"The request is larger than {limit} bytes.", "Split the document, or scan it at 200 dpi."
    )


class SecureHeaders:
    """Add the security headers to every answer that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class SameOrigin:
    """Refuse changing requests that another site's page made a browser send with our cookies."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_cross_site(scope["method"], Headers(scope=scope)):
            await _refuse(scope, send, CROSS_SITE)
            return
        await self.app(scope, receive, send)


CROSS_SITE = Problem(
    403, "cross_site", "This request came from another site's page.", "Open the page here and send it from there."
)


def is_cross_site(method: str, headers: Headers) -> bool:
    """True for a changing request that a browser sent from a page that is not ours."""
    if method in SAFE_METHODS or ("authorization" in headers and "cookie" not in headers):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] != headers.get("host", "")


async def _refuse(scope: Scope, send: Send, problem: Problem) -> None:
    answer = JSONResponse(problem.as_dict(scope["path"]), problem.status, media_type=MEDIA_TYPE)

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    await answer(scope, nothing, send)

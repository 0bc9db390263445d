"""The addresses of the service, and what is refused, each time with a sentence."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labkit.serving.batcher import Batcher, BusyError
from labkit.serving.classifier import Classifier

MOST_TEXTS, LONGEST_TEXT = 64, 10_000  # of a request; characters
EXAMPLE = '{"texts": ["A text.", "Another."]}'
POLICY = (
    "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; "
    "img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
CLOSE = {"Connection": "close"}
SENTENCES = {
    400: f"The body cannot be read as JSON; send such as {EXAMPLE}.",
    404: "Nothing is at this address; use /, /health or /predict.",
    405: "This address takes another method; send POST to /predict, GET to the others.",
    500: "The service failed at this; its terminal says why.",
}


@dataclass(frozen=True)
class Limits:
    """What a client may ask for, and how long anybody waits."""

    connections: int = 256
    body_bytes: int = 2_000_000
    waiting_texts: int = 512
    batch_tokens: int = 4_096  # with padding
    reading_seconds: float = 10.0  # for a request to arrive
    answering_seconds: float = 60.0


def _readable(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("it is empty, or has a NUL character; send text to read")
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_readable)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]


class Query(BaseModel, extra="forbid"):
    """One text, or a list of them."""

    texts: Annotated[Texts, BeforeValidator(_listed)]


class Prediction(BaseModel):
    """The likeliest label, and the probability of each."""

    label: str
    probabilities: dict[str, float]


class Answer(BaseModel):
    """A prediction a text, in the order of the texts."""

    predictions: list[Prediction]


def create_app(classifier: Classifier, limits: Limits | None = None) -> FastAPI:
    """The service; while it lives, `app.state.batcher` runs the model."""
    limits = limits or Limits()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.batcher = Batcher(
            classifier,
            batch_tokens=limits.batch_tokens,
            waiting_texts=limits.waiting_texts,
        )
        yield
        await asyncio.to_thread(app.state.batcher.close)

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Doorkeeper, limits=limits)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _refused)
    page = files(__package__).joinpath("page.html").read_text("utf-8")
    headers = {"Content-Security-Policy": policy(page)} | SAFE

    @app.get("/", response_class=HTMLResponse)
    async def _page() -> HTMLResponse:
        return HTMLResponse(page, headers=headers)

    @app.get("/health")
    async def _health() -> dict[str, Any]:
        return {
            "status": "ok",
            "model": classifier.name,
            "labels": classifier.labels,
            "tokens_read_of_a_text": classifier.max_length,
            "requests_waiting": len(app.state.batcher.waiting),
        }

    @app.post("/predict")
    async def _predict(query: Query) -> Answer:
        try:
            future = app.state.batcher.submit(query.texts)
            async with asyncio.timeout(limits.answering_seconds):
                rows = await asyncio.wrap_future(future)
        except (BusyError, TimeoutError):
            raise HTTPException(
                503, "Too many texts wait; try again soon.", {"Retry-After": "1"}
            ) from None
        return Answer(predictions=[_named(row, classifier.labels) for row in rows])

    return app


def policy(page: str) -> str:
    """What a browser may do with the page: run its own style and script, no other."""
    allowed = {}
    for kind in ("style", "script"):
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = hashlib.sha256(inside.encode()).digest()
        allowed[kind] = f"'sha256-{base64.b64encode(digest).decode()}'"
    return POLICY.format(**allowed)


def _named(row: list[float], labels: list[str]) -> Prediction:
    likeliest = labels[max(range(len(row)), key=row.__getitem__)]
    named = dict(zip(labels, row, strict=True))
    return Prediction(label=likeliest, probabilities=named)


class Doorkeeper:
    """Read a request whole, in its time and within its size, or answer why not."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        full = scope.get("state", {}).get("full", False)
        most = 0 if full else self.limits.body_bytes
        body, size = bytearray(), 0
        try:
            async with asyncio.timeout(self.limits.reading_seconds):
                message: Message = {"more_body": True}
                while message.get("more_body", False):
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    size += len(message.get("body", b""))
                    # read to its end, so that the client gets to read the answer
                    if size <= most:
                        body += message.get("body", b"")
        except TimeoutError:
            refusal = refuse(408, "The request came too slowly; send it at once.")
            await refusal(scope, receive, send)
            return
        kind = dict(scope["headers"]).get(b"content-type", b"")
        if full:
            says = "Too many connections are open; try again soon."
            await refuse(503, says, {"Retry-After": "1"} | CLOSE)(scope, receive, send)
        elif size > most:
            says = f"The body is too large; send at most {most:,} bytes."
            await refuse(413, says)(scope, receive, send)
        elif (
            scope["path"] == "/predict"
            and scope["method"] == "POST"
            and kind.split(b";")[0].strip().lower() != b"application/json"
        ):
            says = f"Send JSON such as {EXAMPLE}, as Content-Type: application/json."
            await refuse(415, says)(scope, receive, send)
        else:
            whole: Message = {"type": "http.request", "body": bytes(body)}
            parts = iter([whole])

            async def replay() -> Message:
                return next(parts, None) or await receive()

            await self.app(scope, replay, send)


def refuse(
    status: int, sentence: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An answer that says in a sentence what to do."""
    closing = CLOSE if status in (408, 413) else {}
    every = SAFE | closing | (headers or {})
    return JSONResponse({"error": sentence}, status, headers=every)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """The first thing wrong; of what was sent only its place is told."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return refuse(400, SENTENCES[400])
    number = next((part for part in first["loc"] if isinstance(part, int)), None)
    where = "The body" if len(first["loc"]) < 2 else "The value of texts"
    if first["type"] == "extra_forbidden":
        where = "A key other than texts"
    elif number is not None:
        where = f"Number {number} of texts"
    why = first["msg"].removeprefix("Value error, ").rstrip(".")
    return refuse(422, f"{where} is refused: {why}; send JSON such as {EXAMPLE}.")


async def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return refuse(500, SENTENCES[500])
    says = SENTENCES.get(error.status_code, str(error.detail))
    return refuse(error.status_code, says, dict(error.headers or {}))


def as_http(status: int, reason: str, sentence: str) -> bytes:
    """`refuse`, for a client whose request could not even be read."""
    body = json.dumps({"error": sentence}).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body

"""`labkit serve FOLDER`: uvicorn, with an end to its patience."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.validation import number

try:
    import h11
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from labkit.serving.app import Limits, as_http, create_app
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("fastapi", "h11", "uvicorn"):
        raise
    raise LabError(
        f"`labkit serve` needs {error.name}, which is not installed.",
        "It is in an extra of its own.",
        "Run: pip install 'labkit[serve]'",
    ) from error


def serve(folder: Path, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Answer until told to stop (Ctrl-C, SIGTERM); what runs is finished then.

    Raises:
        LabError: if the folder holds no classifier, or the address is not to be had.
    """
    from labkit.serving.classifier import Classifier

    number("port", port, at_least=0, at_most=65_535, whole=True)
    classifier = Classifier(folder)
    print(f"labkit · {classifier.name} answers {', '.join(classifier.labels)}")
    if not classifier.are_named:
        print("labkit · name its labels in model.config.id2label, and save it again")
    sys.stdout.flush()
    app = create_app(classifier)
    server = uvicorn.Server(configuration(app, host=host, port=port))
    try:
        server.run()
    except SystemExit as error:  # uvicorn has said why
        raise LabError(
            f"nothing can be served at {host}:{port}.",
            "The lines above say why; often another program is there.",
            "Choose another: labkit serve FOLDER --port 8001",
        ) from error


def configuration(
    app: Any, limits: Limits | None = None, **options: Any
) -> uvicorn.Config:
    """What uvicorn itself limits."""
    ours = limits or Limits()

    class Protocol(_Patience):
        limits = ours

    defaults: dict[str, Any] = {
        "http": Protocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 90,
        "h11_max_incomplete_event_size": 16_384,
    }
    return uvicorn.Config(app, **defaults | options)


class _Patience(H11Protocol):
    """uvicorn waits for headers as long as the client likes; this does not.

    Where as many connections are open as may be, the app hears of it in the scope's
    state: uvicorn's own limit answers in plain text.
    """

    limits: Limits
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        full = len(self.connections) > self.limits.connections
        self.app_state = self.app_state | {"full": full}
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop()

    def send_400_response(self, msg: str) -> None:
        says = "This is no HTTP request that can be read; send plain HTTP/1.1."
        self._end(as_http(400, "Bad Request", says))

    def _watch(self) -> None:
        """From the first byte, or from connecting, to the end of the headers."""
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(
                self.limits.reading_seconds, self._too_slow
            )

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        says = "The request came too slowly; send it at once."
        self._end(as_http(408, "Request Timeout", says))

    def _end(self, answer: bytes) -> None:
        self._stop()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

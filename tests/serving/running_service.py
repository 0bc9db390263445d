"""A tiny classifier in a folder, and the service on it, at a free port of loopback."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any

import requests
import tiny
import uvicorn

from labkit.serving.app import Limits, create_app
from labkit.serving.batcher import Batcher
from labkit.serving.classifier import Classifier
from labkit.serving.server import configuration

LABELS = ["<i>bad</i>", "good"]  # the first must not become HTML


def save_classifier(folder: Path, **config: Any) -> Path:
    """What `save_pretrained` writes of a model with a random head."""
    model = tiny.classifier()
    model.config.id2label = dict(enumerate(LABELS))
    model.config.label2id = {label: n for n, label in enumerate(LABELS)}
    model.config.update(config)
    model.save_pretrained(folder)
    tiny.word_tokenizer().save_pretrained(folder)
    return folder


class Held(Classifier):
    """Counts its forward calls; while `go` is cleared, each waits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.go = Event()
        self.go.set()
        self.calls: list[int] = []  # rows in each
        self.called = Condition()

    def probabilities(self, rows: list[list[int]]) -> list[list[float]]:
        with self.called:
            self.calls.append(len(rows))
            self.called.notify_all()
        assert self.go.wait(60)
        return super().probabilities(rows)

    def wait_for_calls(self, count: int) -> None:
        with self.called:
            assert self.called.wait_for(lambda: len(self.calls) >= count, timeout=60)


class Service:
    """A running service, as a client and as its owner."""

    def __init__(self, classifier: Held, port: int, batcher: Callable[[], Batcher]):
        self.classifier, self.port = classifier, port
        self._batcher = batcher

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, texts: Any) -> requests.Response:
        return requests.post(
            f"{self.address}/predict", json={"texts": texts}, timeout=60
        )

    def wait_for_waiting(self, count: int) -> None:
        batcher = self._batcher()
        with batcher.changed:
            enough = batcher.changed.wait_for(
                lambda: len(batcher.waiting) >= count, timeout=60
            )
        assert enough

    def lives(self) -> bool:
        return self.post("w03 w04").status_code == 200


@contextmanager
def running(folder: Path, limits: Limits | None = None) -> Iterator[Service]:
    classifier = Held(folder)
    app = create_app(classifier, limits)
    server = uvicorn.Server(configuration(app, limits, log_level="critical"))
    # named TCP, or else asyncio leaves Nagle's delay on
    tcp = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    with socket.socket(*tcp) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        port = listening.getsockname()[1]
        try:
            # the port listens already: this waits until somebody accepts
            requests.get(f"http://127.0.0.1:{port}/health", timeout=60)
            yield Service(classifier, port, lambda: app.state.batcher)
        finally:
            classifier.go.set()
            server.should_exit = True
            thread.join()

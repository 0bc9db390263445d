"""Ask `labkit serve` and services that answer one request at a time, side by side.

    python benchmarks/serve.py [--requests 320] [--rounds 3] [--write]

All serve the same packaged encoder with the same random head, by the same FastAPI and
uvicorn, each in a process of its own. The clients are threads of this process, which
share the cores with the service: each sends a short tweet, waits for the answer, and
sends the next, on a connection that stays open. They alternate, so that a machine
that slows down slows all. Their answers are compared: they must be equal.

- labkit serve: requests that wait are run together.
- one at a time: what people write: FastAPI's plain `def`, a lock around the model, and
  one text a forward call. FastAPI calls it from many threads, each of which starts
  OpenMP threads of its own.
- one at a time, one thread: the same without that cost, the strongest rival that still
  answers one request at a time: one thread runs the model, and nothing else changes.

Last, without a service: the same texts through the model, one a call, and 16 at once
in batches of like length, as labkit serve makes them: what batching has to give.
"""

import argparse
import asyncio
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

from finetune import machine
from results import write

WAYS = OURS, LOCKED, THREADED = (
    "labkit serve",
    "one at a time",
    "one at a time, one thread",
)
CLIENTS = 1, 4, 16
MOST_CHARACTERS = 60  # a short tweet
KIND = {"Content-Type": "application/json"}


def save(folder: Path) -> list[str]:
    """The classifier to serve; and the texts to ask it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from labkit import setup

    lab = setup(seed=0, profile="quick")
    checkpoint = lab.checkpoint("encoder")
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_pretrained(checkpoint).save_pretrained(
        folder
    )
    AutoTokenizer.from_pretrained(checkpoint).save_pretrained(folder)
    tweets = lab.corpus("sentiment")["test"]["text"]
    return [tweet for tweet in tweets if 0 < len(tweet.strip()) <= MOST_CHARACTERS]


def one_at_a_time(way: str, folder: Path) -> Any:
    """The service that a tutorial writes; or with one thread for the model."""
    from fastapi import FastAPI

    from labkit.serving.app import Query
    from labkit.serving.classifier import Classifier

    classifier, lock, app = Classifier(folder), Lock(), FastAPI()

    def predict(query: Query) -> dict[str, Any]:
        with lock:
            (row,) = classifier.probabilities(classifier.tokens(query.texts))
        named = dict(zip(classifier.labels, row, strict=True))
        likeliest = max(named, key=lambda label: named[label])
        return {"predictions": [{"label": likeliest, "probabilities": named}]}

    thread = ThreadPoolExecutor(1)

    async def predict_in_thread(query: Query) -> dict[str, Any]:
        return await asyncio.wrap_future(thread.submit(predict, query))

    app.post("/predict")(predict if way == LOCKED else predict_in_thread)
    return app


def run_service(way: str, folder: Path) -> None:
    """Serve until stopped; the port is printed."""
    import uvicorn

    from labkit.serving.app import create_app
    from labkit.serving.classifier import Classifier
    from labkit.serving.server import configuration

    app = create_app(Classifier(folder)) if way == OURS else one_at_a_time(way, folder)
    server = uvicorn.Server(configuration(app, log_level="error"))
    # named TCP, or else asyncio leaves Nagle's delay of 40 ms on
    tcp = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    with socket.socket(*tcp) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(listening.getsockname()[1], flush=True)
        server.run(sockets=[listening])


@contextmanager
def service(way: str, folder: Path) -> Iterator[int]:
    """A running service's port."""
    command = [sys.executable, __file__, "--one", way, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            sys.exit(f"{way} does not start")
        yield int(line)
    finally:
        process.terminate()
        process.wait(60)


def measure(port: int, clients: int, texts: list[str]) -> tuple[dict[str, float], list]:
    """Each text asked once by one of the clients; what was seen, and the answers."""
    start = Barrier(clients + 1)

    def ask(own: list[str]) -> list[tuple[float, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        found = []
        connection.connect()
        start.wait()
        for text in own:
            asked = time.perf_counter()
            connection.request("POST", "/predict", json.dumps({"texts": text}), KIND)
            response = connection.getresponse()
            said = response.read()
            found.append((time.perf_counter() - asked, json.loads(said)))
            if response.status != 200:
                raise RuntimeError(said.decode())
        connection.close()
        return found

    with ThreadPoolExecutor(clients) as pool:
        shares = [pool.submit(ask, texts[n::clients]) for n in range(clients)]
        start.wait()
        started = time.perf_counter()
        found = [share.result() for share in shares]
        seconds = time.perf_counter() - started
    latencies = sorted(latency for share in found for latency, _ in share)
    answers = [found[n % clients][n // clients][1] for n in range(len(texts))]
    cuts = statistics.quantiles(latencies, n=20, method="inclusive")
    return {
        "requests/s": len(texts) / seconds,
        "p50 ms": 1000 * cuts[9],
        "p95 ms": 1000 * cuts[18],
    }, answers


def alone(folder: Path, texts: list[str], together: int) -> float:
    """Texts a second of the model itself, when so many come at once."""
    from labkit.serving.app import Limits
    from labkit.serving.batcher import like_lengths
    from labkit.serving.classifier import Classifier

    classifier, most = Classifier(folder), Limits().batch_tokens
    for measured in (texts[: 4 * together], texts):  # the first calls are slow
        started = time.perf_counter()
        for first in range(0, len(measured), together):
            rows = classifier.tokens(measured[first : first + together])
            for batch in like_lengths([*map(len, rows)], most):
                classifier.probabilities([rows[n] for n in batch])
    return len(texts) / (time.perf_counter() - started)


def same(ours: list, other: list) -> bool:
    """Whether each text has the same probabilities from both."""

    def numbers(answers: list) -> list[float]:
        told = [answer["predictions"][0]["probabilities"] for answer in answers]
        return [p for one in told for _, p in sorted(one.items())]

    pairs = zip(numbers(ours), numbers(other), strict=True)
    return all(abs(one - two) < 1e-4 for one, two in pairs)


def table(runs: dict[tuple[int, str], list[dict[str, float]]]) -> str:
    """Markdown: medians over the rounds, and how many times ours is the other."""
    names = list(runs[CLIENTS[0], OURS][0])
    header = ["clients", "way", *names, "labkit serve answers more by"]
    lines = [f"| {' | '.join(header)} |", "|--:|---" + "|--:" * (len(header) - 2) + "|"]
    for (clients, way), found in runs.items():
        middle = [statistics.median(run[name] for run in found) for name in names]
        pairs = zip(runs[clients, OURS], found, strict=True)
        ratio = statistics.median(
            ours["requests/s"] / other["requests/s"] for ours, other in pairs
        )
        cells = [str(clients), way, *(f"{value:,.0f}" for value in middle)]
        lines.append(f"| {' | '.join([*cells, f'{ratio:.2f}×'])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="keep it in RESULTS.md")
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_service(options.one, options.folder)
        return
    runs: dict[tuple[int, str], list[dict[str, float]]] = {
        (clients, way): [] for clients in CLIENTS for way in WAYS
    }
    with tempfile.TemporaryDirectory() as name:
        texts = save(Path(name))
        texts = (texts * (options.requests // len(texts) + 1))[: options.requests]
        with ExitStack() as stack:
            ports = {way: stack.enter_context(service(way, Path(name))) for way in WAYS}
            for port in ports.values():  # the first calls are slow
                measure(port, max(CLIENTS), texts[: 2 * max(CLIENTS)])
            for number in range(options.rounds):
                for clients in CLIENTS:
                    answers = []
                    for way, port in ports.items():
                        found, said = measure(port, clients, texts)
                        runs[clients, way].append(found)
                        answers.append(said)
                        speed = f"{found['requests/s']:.0f} requests/s"
                        print(f"round {number + 1}, {clients}, {way}: {speed}")
                    if not all(same(answers[0], other) for other in answers[1:]):
                        sys.exit("the services give different answers")
        rounds = [
            [alone(Path(name), texts, together) for together in (1, max(CLIENTS))]
            for _ in range(options.rounds)
        ]
    single, batched = map(statistics.median, zip(*rounds, strict=True))
    gain = statistics.median(many / one for one, many in rounds)
    text = (
        f"{options.requests} requests of a tweet of at most {MOST_CHARACTERS} "
        "characters each; the packaged encoder with a random head; answers equal to "
        f"1e-4; medians of {options.rounds} rounds, ratios within one.\n\n"
        '"One at a time" is the plain `def` of FastAPI with a lock around the model; '
        '"one thread" is the strongest rival that still answers one request at a time.'
        f"\n\n{machine()}.\n\n{table(runs)}\n\n"
        f"The model without a service: {single:.0f} texts/s one a call, {batched:.0f} "
        f"when {max(CLIENTS)} come at once: batching has {gain:.2f}× to give.\n"
    )
    print(text)
    if options.write:
        write("serve.py", text)


if __name__ == "__main__":
    main()

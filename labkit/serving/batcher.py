"""One thread runs the model; what waits meanwhile is answered together."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from labkit.serving.classifier import Classifier

CALL_TOKENS = 64  # a forward call costs, before any token, about as much as these
Answer = list[list[float]]  # the probabilities of each text of a request


class BusyError(Exception):
    """As much waits as may wait."""


@dataclass
class _Request:
    texts: list[str]
    answer: Future[Answer] = field(default_factory=Future)


class Batcher:
    """Take requests from any thread, and run them in batches of like length.

    Attributes:
        waiting: Requests that the thread has not taken yet.
        changed: Notified when `waiting` changes.
    """

    def __init__(
        self, classifier: Classifier, *, batch_tokens: int, waiting_texts: int
    ) -> None:
        self.classifier = classifier
        self.waiting: deque[_Request] = deque()
        self.changed = Condition()
        self._batch_tokens, self._waiting_texts = batch_tokens, waiting_texts
        self._ends = False
        self._thread = Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def submit(self, texts: list[str]) -> Future[Answer]:
        """Put a request at the end of the queue.

        Raises:
            BusyError: if the queue would hold more texts than it may, or is closed.
        """
        with self.changed:
            waiting = sum(len(request.texts) for request in self.waiting)
            if self._ends or waiting + len(texts) > self._waiting_texts:
                raise BusyError
            self.waiting.append(request := _Request(texts))
            self.changed.notify_all()
        return request.answer

    def close(self) -> None:
        """Answer what waits, take nothing more, and return when that is done."""
        with self.changed:
            self._ends = True
            self.changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while requests := self._take():
            alive = [r for r in requests if r.answer.set_running_or_notify_cancel()]
            try:
                self._answer(alive)
            except Exception as error:  # theirs alone: the next ones are answered
                for request in alive:
                    if not request.answer.done():
                        request.answer.set_exception(error)

    def _take(self) -> list[_Request]:
        """All that waits; nothing, once closed."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self._ends)
            taken = [*self.waiting]
            self.waiting.clear()
            self.changed.notify_all()
        return taken

    def _answer(self, requests: list[_Request]) -> None:
        texts = [text for request in requests for text in request.texts]
        rows = self.classifier.tokens(texts) if texts else []
        found: Answer = [[] for _ in rows]
        for batch in like_lengths(list(map(len, rows)), self._batch_tokens):
            answers = self.classifier.probabilities([rows[n] for n in batch])
            for n, answer in zip(batch, answers, strict=True):
                found[n] = answer
        answers_in_order = iter(found)
        for request in requests:
            request.answer.set_result([next(answers_in_order) for _ in request.texts])


def like_lengths(lengths: list[int], most: int) -> Iterator[list[int]]:
    """Numbers of rows in batches: at most `most` tokens with padding, or one row.

    Rows of other lengths share a batch while the padding costs less than a call would.
    """
    batch: list[int] = []
    for n in sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = lengths[n]
        tokens = (len(batch) + 1) * longest
        padding = tokens - longest - sum(lengths[n] for n in batch)
        if batch and (tokens > most or padding > CALL_TOKENS):
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch

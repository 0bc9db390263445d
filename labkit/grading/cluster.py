"""A class judged by a Dask cluster: `labkit grade --scheduler tcp://…`.

    with Cluster("tcp://10.0.0.1:8786") as cluster:
        graded = grade(submissions, Path("marks"), sets, executor=cluster)

The client reads the notebooks, and stores and writes every mark. To a worker go the
answers' text and the name and fingerprint of the problem set; marks come back. A worker
judges with problem sets of its own, behind a wall of its own. What a lost worker had,
Dask gives to another.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from labkit.errors import LabError
from labkit.grading.judge import Mark
from labkit.grading.marking import CannotJudgeError, our_failure
from labkit.grading.problems import find, load
from labkit.grading.sandbox import NoSandboxError

try:
    from distributed import Client, KilledWorker, Security, get_worker
    from distributed.comm import connect
except ModuleNotFoundError as error:
    raise LabError(
        f"a cluster needs {error.name}, which is not installed.",
        "It is in an extra of its own.",
        "Run: pip install 'labkit[cluster]'",
    ) from error

CONNECT_SECONDS = 10
PATIENCE = 60.0  # seconds without a single worker
GLANCE = 1.0  # seconds between two looks at them
KEPT = "What was judged is kept: the same command goes on from there."
ALIKE = (
    "Scheduler and workers need the same labkit, solutions/, NumPy, torch and Python "
    "as this machine: update them, and start them again in the course's folder."
)


class Cluster(Executor):
    """An executor whose processes are the workers of a Dask cluster.

    Args:
        address: The scheduler's, as it says it: tcp://HOST:8786.
        patience: After so many seconds without a worker the run ends.

    Raises:
        LabError: no scheduler answers there.
    """

    def __init__(self, address: str, patience: float = PATIENCE) -> None:
        self._address = address
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # we tell it
        try:
            _knock(address)
            self._client = Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, name="labkit"
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise LabError(
                f"no Dask scheduler answers at {address}: {error}".rstrip(".") + ".",
                "Start one with `dask scheduler`, and give the address that it says.",
            ) from None
        self._tasks = self._client.get_executor(pure=False)  # a second try is a new one
        self._open: set[Future] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, args=[patience], daemon=True).start()

    def submit(self, judge: Callable[..., Any], /, *of: Any, **others: Any) -> Future:
        """Judge on a worker, with its own problem set of the folder's name."""
        folder, *rest = of
        wanted = load(folder).fingerprint
        there = self._tasks.submit(_there, judge, folder.name, wanted, *rest, **others)
        future: Future = Future()
        self._open.add(future)
        there.add_done_callback(partial(self._pass_on, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, which forgets what it has not yet judged."""
        self._closed.set()
        self._client.close()

    def _pass_on(self, future: Future, there: Future) -> None:
        """Give what came of a task to the future that the client waits for."""
        if there.cancelled():  # Dask does so when it loses the scheduler
            error: BaseException | None = CannotJudgeError(
                f"the scheduler at {self._address} was lost.", KEPT
            )
        else:
            error = there.exception()
            known = CannotJudgeError | KilledWorker | NoSandboxError
            if error and not isinstance(error, known):
                why = f"{type(error).__name__}: {' '.join(str(error).split())}"
                error = CannotJudgeError(f"the cluster cannot judge: {why}.", ALIKE)
        self._settle(future, error, None if error else there.result())

    def _settle(self, future: Future, error: Any, result: Any = None) -> None:
        self._open.discard(future)
        with suppress(InvalidStateError):  # it was cancelled
            future.set_exception(error) if error else future.set_result(result)

    def _watch(self, patience: float) -> None:
        """End the run once no worker has been there for too long."""
        alone = 0.0
        while not self._closed.wait(GLANCE):
            with suppress(Exception):  # without a scheduler, tasks end by themselves
                is_alone = not self._client.scheduler_info()["workers"]
                alone = alone + GLANCE if is_alone else 0.0
            if alone > patience:
                why = f"no worker is at {self._address}, since {patience:g} s."
                how = f"Start some: `dask worker {self._address} --nthreads 1`."
                for future in [*self._open]:
                    self._settle(future, CannotJudgeError(why, how, KEPT))


def _knock(address: str) -> None:
    """Fail where no scheduler is: a `Client` that fails may hang the next one.

    It closes itself when it is collected as garbage; if that is while another starts,
    it waits for a lock that its own thread holds.
    """
    secrets = Security().get_connection_args("client")
    if address.startswith("tls://") and secrets.get("ssl_context") is None:
        raise ValueError("Dask's configuration, distributed.comm.tls, has no key")

    async def knock() -> None:
        await (await connect(address, CONNECT_SECONDS, **secrets)).close()

    with ThreadPoolExecutor(1) as apart:  # a notebook has a loop that runs
        apart.submit(lambda: asyncio.run(knock())).result()


def _there(
    judge: Callable[..., list[Mark]], name: str, fingerprint: str, *arguments: Any
) -> list[Mark] | str:
    """On a worker: the marks, or why there are none.

    Raises:
        CannotJudgeError: its problem set is not the client's.
        NoSandboxError: it has no wall.
    """
    here = f"the worker {get_worker().address}"
    try:
        [problem_set] = find([name])
    except LabError as error:
        raise CannotJudgeError(f"on {here}, {error}", ALIKE) from None
    if problem_set.fingerprint != fingerprint:
        raise CannotJudgeError(f"{here} has another labkit or set {name}.", ALIKE)
    try:
        return judge(problem_set.folder, *arguments)
    except NoSandboxError as error:
        raise NoSandboxError(f"on {here}, {error}") from None
    except Exception as error:
        return our_failure(error)

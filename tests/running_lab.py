"""JupyterLab as `make lab` starts it, serving a folder of the test's choice."""

import os
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

ROOT = Path(__file__).parents[1]
WRITTEN = (  # by default in the reader's home
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)


@contextmanager
def running_lab(home: Path, root: Path = ROOT) -> Iterator[Callable[[str], str]]:
    """Serve `root`; what Jupyter writes for its user goes to `home`.

    Yields:
        From a path, such as "lab", to an address that opens it.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    dry = ["make", "--dry-run", "--always-make", "--no-print-directory", "lab"]
    dry += ["BROWSER=no", f"PORT={port}"]
    printed = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True)
    command = printed.stdout.replace("\\\n", " ").splitlines()[-1]
    served = f'root_dir="{ROOT}"'
    assert served in command
    token = secrets.token_hex()
    environment = {name: str(home / name.lower()) for name in WRITTEN}
    server = subprocess.Popen(
        ["bash", "-c", "exec " + command.replace(served, f'root_dir="{root}"')],
        cwd=ROOT,
        env=os.environ | environment | {"JUPYTER_TOKEN": token},
    )
    try:
        session = requests.Session()  # which asks again until it is served
        session.mount(
            "http://",
            HTTPAdapter(max_retries=Retry(90, backoff_factor=0.1, backoff_max=2)),
        )
        session.get(f"http://127.0.0.1:{port}/api", timeout=60).raise_for_status()
        yield lambda path: f"http://127.0.0.1:{port}/{path}?token={token}"
    finally:
        server.terminate()
        server.wait(timeout=60)

"""What the tests of several corpora need."""

import tomllib
from collections.abc import Callable

import pytest
from datasets import Dataset

from labkit.data.wheels import CATALOG

Put = Callable[[str, str, Dataset], None]


@pytest.fixture
def put_on_hub(empty_home, tmp_path, monkeypatch) -> Put:
    """Puts rows into the Hub's cache, as a split of a corpus at its pinned commit."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")

    def put(name: str, split: str, rows: Dataset) -> None:
        repo = tomllib.loads(CATALOG.read_text("utf-8"))["hub"]["dataset"][name]
        (file,) = (file for file in repo["files"] if f"/{split}-" in file)
        cached = f"hub/datasets--{repo['repo'].replace('/', '--')}"
        path = tmp_path / cached / "snapshots" / repo["revision"] / file
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(path)

    return put

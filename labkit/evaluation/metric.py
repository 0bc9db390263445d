"""What the course's metrics share: the interface of `evaluate`, and nothing on disk."""

from typing import Any

import evaluate
from datasets import Features

from labkit.errors import LabError


class OfflineMetric(evaluate.Metric):
    """A metric that needs no network and no cache, and looks at what comes in.

    A subclass says `citation`, `inputs`, `look_at`, and `_compute`, as every metric of
    `evaluate` does.
    """

    citation: str

    def __init__(self, config_name: str | None = None) -> None:
        super().__init__(config_name, keep_in_memory=True)

    def inputs(self) -> Features:
        """The types of one example's predictions and references."""
        raise NotImplementedError

    def look_at(self, predictions: Any, references: Any) -> tuple[Any, Any]:
        """Both in one plain form, or a `LabError`."""
        raise NotImplementedError

    def add(
        self, *, prediction: Any = None, reference: Any = None, **plural: Any
    ) -> None:
        """Remember one example; `evaluate.combine` names its two in the plural."""
        one = {"predictions": prediction, "references": reference} | plural
        self.add_batch(**{name: [value] for name, value in one.items()})

    def add_batch(
        self, *, predictions: Any = None, references: Any = None, **unknown: Any
    ) -> None:
        """Remember a batch of examples.

        Raises:
            LabError: it is empty, its lengths differ, or it holds what has no score.
                The batches before it are kept.
        """
        predictions, references = self.look_at(predictions, references)
        super().add_batch(predictions=predictions, references=references, **unknown)

    def compute(
        self, *, predictions: Any = None, references: Any = None, **options: Any
    ) -> dict[str, Any]:
        """The score of these examples and of those that were added; then forget them.

        Raises:
            LabError: as `add_batch` does; or there is nothing to score.
        """
        if predictions is None and references is None and not len(self):
            raise LabError(
                "there is nothing to score.",
                "No batch was added: was the loop over batches never entered?",
                "Call `add_batch` first, or pass `predictions=` and `references=`.",
            )
        scores: dict[str, Any] = super().compute(
            predictions=predictions, references=references, **options
        )
        return scores

    def _build_data_dir(self) -> str:
        return ""  # evaluate would make a folder in the cache, and leave it empty

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__, citation=self.citation, features=self.inputs()
        )

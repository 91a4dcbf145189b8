"""A progress bar that shows the loss; nothing where standard error is not a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm  # type: ignore[import-untyped]


class Progress:
    """The bar of a training of `total` steps, a context manager.

    It is touched some fifty times in all, because drawing it costs more than many a step here.
    """

    def __init__(self, total: int, title: str, unit: str) -> None:
        self._total = total
        self._stride = max(1, total // 50)
        self._bar = tqdm(total=total, desc=title, unit=f" {unit}s", disable=None)

    def step(self, k: int, loss: float) -> None:
        """Show that step `k`, counted from 1, is done and had this loss."""
        if k % self._stride == 0 or k == self._total:
            self._bar.set_postfix(loss=f"{loss:.6f}", refresh=False)
            self._bar.update(k - self._bar.n)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shown = not self._bar.disable
        self._bar.close()
        if shown:
            print(file=sys.stderr)

"""A bar that shows how far a training is: epochs, their rate, the loss."""

from __future__ import annotations

from types import TracebackType

from tqdm import tqdm  # type: ignore[import-untyped]

from reelgrad import _core

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """A context manager around a training; `show` brings the bar up to date, which redraws it ten times a second."""

    def __init__(self, trainer: _core._Trainer, epochs: int, *, shown: bool) -> None:
        self._trainer = trainer
        self._bar = tqdm(total=epochs, initial=trainer.epoch, desc="fit", unit="epoch") if shown else None
        self._done = trainer.epoch

    def show(self) -> None:
        """Show how far the training is."""
        done = self._trainer.epoch
        if self._bar is None or done == self._done:
            return
        self._bar.set_postfix(loss=f"{self._trainer.last_loss:.6g}", refresh=False)
        self._bar.update(done - self._done)
        self._done = done

    def __enter__(self) -> TrainingProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

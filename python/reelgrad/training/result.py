"""What `fit` returns, and settings that it takes as objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reelgrad.checks import real, whole
from reelgrad.optim import Optimizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EarlyStopping", "FitResult"]


@dataclass(frozen=True)
class EarlyStopping:
    """When to stop for want of progress on the validation data.

    Parameters
    ----------
    patience : int
        Stop after so many epochs in a row whose validation loss is not below the lowest before by more than
        `min_delta`.
    min_delta : float
        At least 0.
    restore_best : bool
        Whether the result's parameters are those after the epoch with the lowest validation loss.
    """

    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        whole("patience", self.patience, bits=62)
        real("min_delta", self.min_delta, 0.0)


@dataclass(frozen=True, eq=False, repr=False)
class FitResult:
    """What `fit` returns.

    Attributes
    ----------
    params
        The trained parameters, in the structure of those given; a Module is a new one.
    loss : float
        The loss of the last epoch: the mean over the samples of what it was before each update.
    epoch : int
        How many epochs were done.
    history : numpy.ndarray
        The loss of each epoch.
    validation : numpy.ndarray or None
        The validation loss after each epoch.
    reason : str
        Why it stopped: ``'epochs'``, ``'tol'``, ``'early stopping'``, ``'callback'`` or ``'non-finite'``.
    report : str
        The reason in words.
    best_epoch : int or None
        With early stopping, the epoch with the lowest validation loss.
    seconds : float
        How long it took, tracing included.
    optimizer : Optimizer
        The rule and its settings.
    seed, batch_size, shuffle, drop_last
        As they were in force; `batch_size` None means all samples.
    state : dict
        What `fit` needs to go on from here, the optimiser's memory among it.
    """

    params: Any
    loss: float
    epoch: int
    history: NDArray[np.float64]
    validation: NDArray[np.float64] | None
    reason: str
    report: str
    best_epoch: int | None
    seconds: float
    optimizer: Optimizer
    seed: int
    batch_size: int | None
    shuffle: bool
    drop_last: bool
    state: dict[str, Any] = field(repr=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the loss over the epochs, and the validation loss, with matplotlib; return the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError("plot() needs matplotlib: pip install 'reelgrad[viz]'") from error
        axes: Axes = pyplot.subplots()[1] if ax is None else ax
        epochs = np.arange(1, len(self.history) + 1)
        axes.plot(epochs, self.history, label="loss")
        if self.validation is not None:
            axes.plot(epochs[len(epochs) - len(self.validation) :], self.validation, label="validation loss")
            axes.legend()
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        if np.all(self.history > 0.0) and len(self.history) and self.history.max() > 20.0 * self.history.min():
            axes.set_yscale("log")
        return axes

    def __repr__(self) -> str:
        validation = f", validation {self.validation[-1]:.6g}" if self.validation is not None and self.epoch else ""
        took = f"{self.epoch} epochs in {self.seconds:.3g} s"
        return f"<FitResult: loss {self.loss:.6g}{validation} after {took} ({self.reason})>"

    def _repr_html_(self) -> str:
        from reelgrad.show.reprs import fit_html

        return fit_html(self)

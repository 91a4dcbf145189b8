"""`rg.fit`: training whose loop runs in C++."""

from reelgrad.training.fitting import NotFiniteWarning, fit
from reelgrad.training.result import EarlyStopping, FitResult

__all__ = ["EarlyStopping", "FitResult", "NotFiniteWarning", "fit"]

"""Optimisers by PyTorch's rules, for loops written by hand and for `reelgrad.fit`, and schedules of learning rates."""

from reelgrad.optim import schedules
from reelgrad.optim.optimizer import Optimizer
from reelgrad.optim.rules import SGD, Adam, AdamW, RMSprop

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "schedules"]

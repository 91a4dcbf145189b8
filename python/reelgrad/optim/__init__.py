"""Optimisers by PyTorch's rules, for loops written by hand and for `reelgrad.fit`, and schedules of learning rates."""

from reelgrad.optim import schedules
from reelgrad.optim.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "schedules"]

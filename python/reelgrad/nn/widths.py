"""Widths of layers, checked; and what the arguments of a multi-layer perceptron say of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import index

from reelgrad._core import LengthError, NodeTypeError, SettingError
from reelgrad.nn.activations import Activation

__all__ = ["checked_width", "mlp_layers"]


def checked_width(what: str, width: int) -> int:
    """Return a whole number of at least 1."""
    try:
        width = index(width)
    except TypeError:
        raise NodeTypeError(f"{what}: got {width!r}, but a whole number of at least 1 is needed") from None
    if width < 1:
        raise SettingError(f"{what}: got {width}, but at least 1 is needed")
    return width


def mlp_layers(
    nin: int, nouts: Sequence[int], activation: str | Activation, output: str | Activation
) -> list[tuple[int, int, str | Activation]]:
    """Return for each layer its inputs, its outputs and its activation, which is `output` for the last one.

    Raises
    ------
    NodeTypeError
        If `nouts` is no sequence.
    LengthError
        If it is empty.
    """
    try:
        widths = [nin, *nouts]
    except TypeError:
        raise NodeTypeError(f"nouts: got {nouts!r}, but a list of the layers' widths is needed: [16, 16, 1]") from None
    if len(widths) == 1:
        raise LengthError("nouts is empty: an MLP needs at least one layer; give its width: [1]")
    activations = [activation] * (len(widths) - 2) + [output]
    return [(*pair, a) for pair, a in zip(pairwise(widths), activations, strict=True)]

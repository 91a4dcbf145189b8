"""What the arguments of a multi-layer perceptron say of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from reelgrad._core import LengthError, NodeTypeError
from reelgrad.nn.activations import Activation

__all__ = ["mlp_layers"]


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

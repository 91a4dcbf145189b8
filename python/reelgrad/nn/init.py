"""Initialisers: where the weights of a layer start from.

Each is a function of a shape, whose last dimension counts the inputs of a unit (``fan_in``) and whose first the outputs
(``fan_out``), and of a seed: a whole number, or a ``numpy.random.Generator``, from which several layers draw in turn.
It returns a NumPy array; `reelgrad.array` makes variables of it. Layers take an initialiser by its name, or any
function ``init(shape, seed=generator)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import LengthError, NodeTypeError, SettingError
from reelgrad.checks import whole

__all__ = [
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "normal",
    "orthogonal",
    "uniform",
    "zeros",
]

Seed: TypeAlias = "int | np.random.Generator | None"
Floats: TypeAlias = NDArray[np.float64]
Initialiser: TypeAlias = Callable[..., Any]


def uniform(shape: Sequence[int], low: float = -1.0, high: float = 1.0, *, seed: Seed = None) -> Floats:
    """Return numbers drawn uniformly between two bounds.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.nn.init.uniform((2, 3), seed=0).round(3).tolist()
    [[0.274, -0.46, -0.918], [-0.967, 0.627, 0.826]]
    """
    return generator(seed).uniform(low, high, shape)


def normal(shape: Sequence[int], mean: float = 0.0, std: float = 1.0, *, seed: Seed = None) -> Floats:
    """Return numbers drawn from a normal distribution.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.nn.init.normal((2,), std=0.1, seed=0).round(4).tolist()
    [0.0126, -0.0132]
    """
    return generator(seed).normal(mean, std, shape)


def glorot_uniform(shape: Sequence[int], gain: float = 1.0, *, seed: Seed = None) -> Floats:
    """Return numbers within ``gain*sqrt(6/(fan_in + fan_out))`` of 0: Glorot's, also called Xavier's.

    They keep the variance of signals and of gradients from layer to layer where the activation is close to the
    identity, such as tanh. Equation 16 of X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import reelgrad as rg
    >>> weights = rg.nn.init.glorot_uniform((20, 40), seed=0)
    >>> bool(abs(weights).max() <= (6 / 60) ** 0.5)
    True
    """
    fan_in, fan_out = _fans(shape)
    bound = gain * sqrt(6.0 / (fan_in + fan_out))
    return generator(seed).uniform(-bound, bound, shape)


def glorot_normal(shape: Sequence[int], gain: float = 1.0, *, seed: Seed = None) -> Floats:
    """Return normal numbers of standard deviation ``gain*sqrt(2/(fan_in + fan_out))``: see `glorot_uniform`."""
    fan_in, fan_out = _fans(shape)
    return generator(seed).normal(0.0, gain * sqrt(2.0 / (fan_in + fan_out)), shape)


def he_uniform(shape: Sequence[int], gain: float = sqrt(2.0), *, seed: Seed = None) -> Floats:
    """Return numbers within ``gain*sqrt(3/fan_in)`` of 0: He's, also called Kaiming's.

    With the gain for relu, sqrt(2), signals keep their variance from layer to layer although half of them are cut off.
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers", ICCV 2015 (arXiv:1502.01852).

    Examples
    --------
    >>> import reelgrad as rg
    >>> weights = rg.nn.init.he_uniform((20, 40), seed=0)
    >>> bool(abs(weights).max() <= (6 / 40) ** 0.5)
    True
    """
    fan_in, _ = _fans(shape)
    bound = gain * sqrt(3.0 / fan_in)
    return generator(seed).uniform(-bound, bound, shape)


def he_normal(shape: Sequence[int], gain: float = sqrt(2.0), *, seed: Seed = None) -> Floats:
    """Return normal numbers of standard deviation ``gain/sqrt(fan_in)``: see `he_uniform`."""
    fan_in, _ = _fans(shape)
    return generator(seed).normal(0.0, gain / sqrt(fan_in), shape)


def orthogonal(shape: Sequence[int], gain: float = 1.0, *, seed: Seed = None) -> Floats:
    """Return a random matrix with orthonormal rows, or columns if there are fewer of them, times the gain.

    Drawn uniformly (by Haar's measure): of the QR decomposition of normal numbers, with the signs of R's diagonal given
    to Q. A. M. Saxe, J. L. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", ICLR 2014 (arXiv:1312.6120); F. Mezzadri, "How to generate random matrices from the
    classical compact groups", Notices of the AMS 54 (2007).

    Examples
    --------
    >>> import numpy as np, reelgrad as rg
    >>> q = rg.nn.init.orthogonal((2, 3), seed=0)
    >>> bool(np.allclose(q @ q.T, np.eye(2)))
    True
    """
    _fans(shape)
    rows, columns = shape[0], prod(shape[1:])
    q, r = np.linalg.qr(generator(seed).standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0.0, -1.0, 1.0)
    matrix: Floats = gain * (q if rows >= columns else q.T).reshape(shape)
    return matrix


def zeros(shape: Sequence[int], *, seed: Seed = None) -> Floats:
    """Return zeros; the seed is not used."""
    return np.zeros(shape)


def generator(seed: Seed) -> np.random.Generator:
    """Return the generator that a seed stands for; None stands for another one at every call."""
    if seed is not None and not isinstance(seed, np.random.Generator):
        seed = whole("seed", seed, 0, kind="a whole number or a numpy.random.Generator")
    return np.random.default_rng(seed)


def drawn(init: str | Initialiser, shape: tuple[int, ...], seed: Seed) -> Floats:
    """Return what an initialiser, by its name or as a function, gives for a shape.

    Raises
    ------
    SettingError
        If there is no initialiser of that name.
    LengthError
        If the function returned another shape.
    """
    if isinstance(init, str):
        if init not in __all__:
            raise SettingError(f"init: {init!r} is no initialiser; give one of {', '.join(__all__)}, or a function")
        init = globals()[init]
    if not callable(init):
        raise NodeTypeError(f"init: got {init!r:.80}, but a name or a function of a shape is needed")
    values = np.asarray(init(shape, seed=generator(seed)), np.float64)
    if values.shape != shape:
        raise LengthError(f"init: the function returned an array of shape {values.shape} for the shape {shape}")
    return values


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) < 2 or 0 in shape:
        raise LengthError(
            f"the shape {tuple(shape)} does not tell the numbers of inputs and outputs: at least two dimensions, of "
            "length 1 or more, are needed"
        )
    return prod(shape[1:]), shape[0]

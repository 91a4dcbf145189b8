"""Methods of `numpy.ndarray` that Arrays have by way of NumPy's functions of the same names."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelgrad import _core

__all__ = ["NumpyMethods"]


class NumpyMethods:
    """What an Array has because NumPy's arrays have it; see the function of NumPy of the same name."""

    __slots__ = ()

    @property
    def mT(self: Any) -> Any:
        """The view with its last two axes exchanged."""
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(-1, -2)

    @property
    def flat(self: Any) -> Any:
        """The elements in C order, in one dimension."""
        return self.ravel()

    @property
    def real(self) -> Any:
        """The Array itself."""
        return self

    @property
    def itemsize(self) -> int:
        """The bytes of the value of an element."""
        return 8

    @property
    def nbytes(self: Any) -> int:
        """The bytes of the values."""
        return 8 * int(self.size)

    def __contains__(self: Any, value: Any) -> bool:
        """Return whether an element equals the value."""
        return bool(np.any(self == value))

    def __round__(self: Any, ndigits: int | None = None) -> Any:
        """Return `numpy.round` of the Array."""
        return np.round(self, 0 if ndigits is None else ndigits)

    def __divmod__(self: Any, other: Any) -> Any:
        """Return quotients rounded down, and remainders."""
        return np.divmod(self, other)

    def __rdivmod__(self: Any, other: Any) -> Any:
        """Return quotients rounded down, and remainders."""
        return np.divmod(other, self)

    def copy(self, order: str = "C") -> Any:
        """Return the Array itself: it does not change."""
        return self

    def conj(self) -> Any:
        """Return the Array itself: it is real."""
        return self

    def conjugate(self) -> Any:
        """Return the Array itself: it is real."""
        return self

    def astype(self, dtype: Any, **settings: Any) -> Any:
        """Return the Array itself, if the type is float64; there is no other."""
        if np.dtype(dtype) != np.float64:
            raise _core.NodeTypeError(
                f"an Array cannot become one of dtype {np.dtype(dtype)}: it is of float64; take .value for numbers"
            )
        return self

    def cumsum(self, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
        """Return `numpy.cumsum` of the Array."""
        return np.cumsum(self, axis, dtype, out)  # type: ignore[call-overload]

    def cumprod(self, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
        """Return `numpy.cumprod` of the Array."""
        return np.cumprod(self, axis, dtype, out)  # type: ignore[call-overload]

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Any:
        """Return `numpy.compress` of the Array."""
        return np.compress(condition, self, axis, out)  # type: ignore[call-overload]

    def all(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Return whether no value is 0, along axes."""
        return np.all(self, axis, keepdims=keepdims)

    def any(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Return whether a value is not 0, along axes."""
        return np.any(self, axis, keepdims=keepdims)

    def dot(self: Any, other: Any) -> Any:
        """Return NumPy's dot product."""
        return np.dot(self, other)

    def argmax(self: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        """Return where the largest value is; integers have no derivative."""
        return np.argmax(self, axis, keepdims=keepdims)

    def argmin(self: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        """Return where the smallest value is; integers have no derivative."""
        return np.argmin(self, axis, keepdims=keepdims)

    def argsort(self: Any, axis: int | None = -1, kind: Any = None) -> Any:
        """Return the order of the values; integers have no derivative."""
        return np.argsort(self, axis, kind)

    def argpartition(self: Any, kth: Any, axis: int | None = -1) -> Any:
        """Return an order of the values that has that of `kth` in its place."""
        return np.argpartition(self, kth, axis)

    def nonzero(self: Any) -> Any:
        """Return where the values are not 0."""
        return np.nonzero(self)

    def searchsorted(self: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
        """Return where values belong in the order of these."""
        return np.searchsorted(self, v, side, sorter)

    def sort(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: what is recorded does not change."""
        raise _core.NodeTypeError("an Array cannot be sorted in place; take numpy.sort(a), a new one")

    def fill(self, value: Any) -> None:
        """Refuse: what is recorded does not change."""
        raise _core.NodeTypeError("an Array cannot be filled in place; take numpy.full_like(a, value)")

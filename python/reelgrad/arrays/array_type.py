"""The class Array, and how one is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, cast

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core
from reelgrad.arrays.copies import copied, reduced
from reelgrad.arrays.methods import NumpyMethods
from reelgrad.arrays.protocols import call_function, call_ufunc
from reelgrad.arrays.reduction_methods import Axis, ReductionMethods
from reelgrad.nesting import is_part_of_a_function

if TYPE_CHECKING:
    from reelgrad._core import Tape

__all__ = ["Array", "array", "asarray", "zeros"]

Floats = NDArray[np.float64]


class Array(ReductionMethods, NumpyMethods, _core._ArrayBase):
    """Nodes in a NumPy-shaped container: what is computed with it is recorded in bulk, at the speed of C++.

    `reelgrad.array(values)` makes variables; arithmetic, the functions of reelgrad and NumPy's make intermediates.
    Arrays mix with Nodes, NumPy arrays and numbers, and broadcast by NumPy's rules. An element is a Node: ``a[0, 1]``.
    What has one number as its result (``a.sum()``) gives a Node.

    Views record nothing and copy nothing; an Array never changes, so that there is no difference between the two.

    Examples
    --------
    >>> import numpy as np, reelgrad as rg
    >>> w = rg.array([[1.0, 2.0], [3.0, 4.0]])
    >>> loss = ((w @ np.array([1.0, -1.0])) ** 2).sum()
    >>> loss.backward()
    >>> w.grad
    array([[-2.,  2.],
           [-2.,  2.]])
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    # --- Shape

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """float64, always."""
        return np.dtype(np.float64)

    def transpose(self, *axes: Any) -> Any:
        """Return the view with its axes in another order, by default in reverse; as NumPy's."""
        return self._view(self._positions().transpose(*axes))

    def reshape(self, *shape: Any) -> Any:
        """Return the same elements, in C order, in another shape."""
        return self._view(self._positions().reshape(*shape))

    def ravel(self) -> Any:
        """Return the elements in C order, in one dimension."""
        return self._view(self._positions().ravel())

    def flatten(self) -> Any:
        """Return the elements in C order, in one dimension; the same as `ravel`, since Arrays do not change."""
        return self.ravel()

    def squeeze(self, axis: Axis = None) -> Any:
        """Return the view without axes of length 1."""
        return self._view(self._positions().squeeze(cast(Any, axis)))

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Return the view with two axes exchanged."""
        return self._view(self._positions().swapaxes(axis1, axis2))

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """Return each element repeated, along an axis; as NumPy's."""
        return self._view(self._positions().repeat(repeats, axis))

    def take(self, indices: Any, axis: int | None = None) -> Any:
        """Return the elements at these indices along an axis; as NumPy's."""
        return self._view(np.take(self._positions(), indices, axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """Return the view of the diagonals; as NumPy's."""
        return self._view(self._positions().diagonal(offset, axis1, axis2))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """Return the sums of the diagonals; as NumPy's."""
        return self.diagonal(offset, axis1, axis2).sum(-1)

    def item(self, *index: SupportsIndex) -> float:
        """Return the value of the one element, or of that at the index, as a float."""
        return float(self.value.item(*index))

    def tolist(self) -> Any:
        """Return the elements as nested lists of Nodes."""
        return self._objects().tolist()

    def _objects(self) -> NDArray[Any]:
        """Return an array of objects with the elements as Nodes: of traced ones, one that compares without branches."""
        from reelgrad.traced_arrays import NodeArray, TracedArray  # they need the classes of trees

        traced = self.tape is _core.current_tape() and _core._is_tracing()
        return (TracedArray if traced else NodeArray).of(self._nodes(), self.shape)

    def _getitem(self, index: Any) -> Any:
        """Return the elements at an index, a slice, a mask, or several of these, by NumPy's rules."""
        if type(index) is tuple:
            index = tuple(i.value.astype(bool) if isinstance(i, Array) else i for i in index)
        return self._view(self._positions()[index])

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        """Refuse: what is recorded does not change."""
        raise _core.NodeTypeError(
            "an Array cannot be assigned into, because what was recorded does not change; build the new one with "
            "reelgrad.where(mask, new, old), numpy.concatenate or numpy.stack, or set .value of an Array of variables"
        )

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the first axis."""
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        for k in range(len(self)):
            yield self[k]

    # --- Numbers

    def backward(self, seed: Any = None) -> None:
        """Add the derivatives of the elements, weighted by `seed`, to the gradients of variables.

        Parameters
        ----------
        seed : array_like, optional
            A weight for each element, which broadcasts to the Array's shape; 1 for the only one.

        Raises
        ------
        LengthError
            If there are several elements and no seed.
        """
        self._backward(seed)

    def zero_grad(self) -> None:
        """Set the gradients of these variables to 0."""
        self.grad = 0.0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        """Refuse: derivatives would be lost."""
        raise _core.NodeTypeError(
            "an Array cannot become a NumPy array of numbers, which would drop the derivatives; take .value if that is "
            "wanted, or a function of reelgrad or NumPy that Arrays support"
        )

    def __float__(self) -> NoReturn:
        """Refuse: the derivative would be lost."""
        raise _core.NodeTypeError("float() of an Array would drop the derivatives; take .item() or .value")

    def __bool__(self) -> bool:
        """Return the truth of the only element."""
        if self.size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self.value.item())

    def __repr__(self) -> str:
        """Show the values."""
        try:
            text = np.array2string(self.value, separator=", ", prefix="Array(")
        except _core.StaleNodeError:
            return f"Array(stale, shape={self.shape})"
        except _core.TraceError:
            return f"Array(traced, shape={self.shape})"
        return f"Array({text})"

    def _repr_html_(self) -> str:
        from reelgrad.show.reprs import array_html

        return array_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy variables: the copies are new variables of the same values, on the current tape."""
        if not self.is_variable:
            raise _core.NodeTypeError(
                "an Array that holds intermediates cannot be pickled or copied, it is a place on a tape; pickle its "
                ".value, or the variables"
            )
        return reduced(self)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Any:
        """Copy variables: what shares some with an Array that was copied before shares the copies."""
        if is_part_of_a_function(self):
            return self
        return copied(self, memo) if self.is_variable else self.__reduce__()

    def __copy__(self) -> Any:
        """Copy variables; inside of a function that is differentiated or traced, its own Arrays are not copied."""
        if is_part_of_a_function(self):
            return self
        make, arguments = self.__reduce__()
        return make(*arguments)

    # --- Comparison, by value; in a trace it gives Conditions

    def _compared(self) -> NDArray[Any]:
        """Return what stands for the Array where it is compared: its values; in a trace its elements."""
        return self._objects() if _core._is_tracing() and self.tape is _core.current_tape() else self.value

    def _compare(self, ufunc: np.ufunc, other: Any) -> Any:
        return call_ufunc(self, ufunc, "__call__", self, other)

    def __eq__(self, other: object) -> Any:
        return self._compare(np.equal, other)

    def __ne__(self, other: object) -> Any:
        return self._compare(np.not_equal, other)

    def __lt__(self, other: Any) -> Any:
        return self._compare(np.less, other)

    def __le__(self, other: Any) -> Any:
        return self._compare(np.less_equal, other)

    def __gt__(self, other: Any) -> Any:
        return self._compare(np.greater, other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(np.greater_equal, other)

    __hash__ = object.__hash__

    # --- NumPy's protocols

    __array_ufunc__ = call_ufunc
    __array_function__ = call_function


_core._use_array_class(Array)


def array(values: Any, *, tape: Tape | None = None) -> Array:
    """Make variables of numbers: an Array of their shape.

    Parameters
    ----------
    values : array_like
        Real numbers, of any shape.
    tape : Tape, optional
        The tape to make them on; by default the current one. ``tape.array(values)`` is the same.

    Returns
    -------
    Array

    Raises
    ------
    NodeTypeError
        If `values` holds anything but real numbers; complex numbers and objects do.

    Examples
    --------
    >>> import reelgrad as rg
    >>> w = rg.array([1.0, 2.0, 3.0])
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4., 6.])
    """
    return _core._array_variables(_core.current_tape() if tape is None else tape, _numbers(values, "array(values)"))


def zeros(shape: Any, *, tape: Tape | None = None) -> Array:
    """Make variables of this shape that start from 0.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.zeros((2, 3)).shape
    (2, 3)
    """
    tape = _core.current_tape() if tape is None else tape
    size = int(np.prod([int(n) for n in np.atleast_1d(shape)], dtype=object)) if np.size(shape) else 1
    if size > tape.stats()["limit"]:
        raise _core.TapeMemoryError(
            f"zeros({shape}): {size} variables, but the tape holds {tape.stats()['limit']} at most; make a Tape with a "
            "larger limit"
        )
    return array(np.zeros(shape), tape=tape)


def asarray(x: Any) -> Any:
    """Return Nodes, numbers and Arrays, nested in sequences, as an Array.

    Of numbers alone this is the NumPy array: they have no derivative. Nothing is made a variable; `array` does that.

    Parameters
    ----------
    x : Array, Node, array_like
        An Array is returned as it is, and so is a Node, which has no dimensions. Numbers beside Nodes become entries
        without a derivative.

    Returns
    -------
    Array, Node or numpy.ndarray

    Examples
    --------
    >>> import reelgrad as rg
    >>> a, b = rg.variables(1.0, 2.0)
    >>> rg.asarray([[a, b], [b, 3.0]]).shape
    (2, 2)
    """
    if isinstance(x, Array):
        return x
    if isinstance(x, _core.Node):
        return x
    if isinstance(x, (list, tuple)) and any(isinstance(item, (Array, list, tuple)) for item in x):
        return np.stack([asarray(item) for item in x])
    items: NDArray[Any] = np.asarray(x)
    if items.dtype != object:
        return _numbers(x, "asarray(x)")
    if (nodes := _core._array_of_objects(items)) is not None:
        return nodes
    flat: list[Any] = list(items.ravel())
    tape = next((item.tape for item in flat if isinstance(item, _core.Node)), None)
    if tape is None:
        return np.asarray([_number(item) for item in flat], dtype=np.float64).reshape(items.shape)
    numbers = [k for k, item in enumerate(flat) if not isinstance(item, _core.Node)]
    if numbers:
        constants = _core._array_constants(tape, np.asarray([_number(flat[k]) for k in numbers]))
        for k, node in zip(numbers, constants, strict=True):
            flat[k] = node
    for node in flat:
        if node.tape is not tape and node.tape != tape:
            raise _core.TapeMismatchError("asarray(x): Nodes of several tapes; an Array is on one")
    entries = np.asarray([_core._entry_of_node(node) for node in flat]).reshape(items.shape)
    return _core._array_of_entries(tape, entries)


def _number(item: Any) -> float:
    if isinstance(item, (float, int, np.floating, np.integer, np.bool_)):
        return float(item)
    raise _core.NodeTypeError(
        f"asarray(x): got {type(item).__name__} {item!r:.80} among the elements, but Arrays are of Nodes and real "
        "numbers"
    )


def _numbers(values: Any, what: str) -> Floats:
    """Return real numbers as float64; integers and bools are converted."""
    if isinstance(values, Array):
        raise _core.NodeTypeError(f"{what}: got an Array; new variables start from plain numbers: pass its .value")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise _core.NodeTypeError(
            f"{what}: got a masked array, whose mask would be lost: pass .filled(...) or .compressed()"
        )
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "fiub":
        raise _core.NodeTypeError(
            f"{what}: got an array of dtype {numbers.dtype}, but an Array holds float64: real numbers are needed"
            + ("; reelgrad.asarray(x) takes Nodes" if numbers.dtype == object else "")
        )
    return np.asarray(numbers, dtype=np.float64)

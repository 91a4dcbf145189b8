"""NumPy's products of Arrays: each is reshaped into matrix products, which are recorded as one block each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array import Array, asarray
from reelgrad.arrays.protocols import UFUNCS, implements, of_numpy
from reelgrad.arrays.rearranging import stack, with_fill
from reelgrad.arrays.reductions import refuse

__all__ = ["dot", "einsum", "inner", "matmul", "outer", "tensordot", "vdot"]


def matmul(a: Any, b: Any) -> Any:
    """Return the matrix product by the rules of `numpy.matmul`.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.matmul(rg.array([[1.0, 2.0]]), [3.0, 4.0])
    Array([11.])
    """
    a, b = asarray(a), asarray(b)
    if isinstance(a, Array) or isinstance(b, Array):
        return _core._array_matmul(a, b)
    return np.matmul(a, b)


for _function in of_numpy("linalg.matmul"):
    implements(_function)(matmul)


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """Return NumPy's dot product: over the last axis of `a` and the last but one of `b`."""
    refuse("dot", out)
    a, b = asarray(a), asarray(b)
    if _ndim(a) == 0 or _ndim(b) == 0:
        return a * b
    last = max(_ndim(b) - 2, 0)
    if a.shape[-1] != b.shape[last]:
        raise _core.LengthError(
            f"shapes {_text(a)} and {_text(b)} not aligned: {a.shape[-1]} (dim {a.ndim - 1}) != {b.shape[last]} "
            f"(dim {last})"
        )
    if b.ndim <= 2:
        return matmul(a, b)
    # The other axes of b stand behind those of a.
    b = np.moveaxis(b, -2, 0)
    return np.reshape(matmul(a, np.reshape(b, (b.shape[0], prod(b.shape[1:])))), (*a.shape[:-1], *b.shape[1:]))


def _ndim(x: Any) -> int:
    return 0 if isinstance(x, _core.Node) else int(np.ndim(x))


def _text(x: Any) -> str:
    """Return the shape as NumPy's C code writes it in messages."""
    return "(" + ",".join(map(str, x.shape)) + ("," if x.ndim == 1 else "") + ")"


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """Return the dot product of all elements, in C order.

    Examples
    --------
    >>> import reelgrad as rg
    >>> float(rg.vdot(rg.array([[1.0, 2.0]]), [[3.0], [4.0]]).value)
    11.0
    """
    a, b = _flat(a), _flat(b)
    if a.shape != b.shape:
        raise _core.LengthError(f"cannot reshape: vdot of arrays of {a.size} and {b.size} elements")
    return matmul(a, b)


@implements(np.inner)
def inner(a: Any, b: Any) -> Any:
    """Return the products of the last axes of both."""
    a, b = asarray(a), asarray(b)
    if _ndim(a) == 0 or _ndim(b) == 0:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise _core.LengthError(
            f"shapes {_text(a)} and {_text(b)} not aligned: {a.shape[-1]} (dim {a.ndim - 1}) != {b.shape[-1]} "
            f"(dim {b.ndim - 1})"
        )
    return tensordot(a, b, ([-1], [-1]))


@implements(*of_numpy("outer", "linalg.outer"))
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """Return the products of all pairs of elements."""
    refuse("outer", out)
    return _flat(a)[:, None] * _flat(b)


def _flat(x: Any) -> Any:
    x = asarray(x)
    return asarray([x]) if isinstance(x, _core.Node) else np.ravel(x)


@implements(*of_numpy("tensordot", "linalg.tensordot"))
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Return the product over pairs of axes: the last `axes` of `a` and first of `b`, or two lists of axes."""
    a, b = asarray(a), asarray(b)
    a, b = (_flat(x).reshape(()) if isinstance(x, _core.Node) else x for x in (a, b))
    try:
        in_a, in_b = axes
    except TypeError:
        in_a, in_b = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    in_a = [int(d) % a.ndim for d in np.atleast_1d(in_a).astype(int)]
    in_b = [int(d) % b.ndim for d in np.atleast_1d(in_b).astype(int)]
    if len(in_a) != len(in_b) or any(a.shape[i] != b.shape[j] for i, j in zip(in_a, in_b, strict=True)):
        raise _core.LengthError("shape-mismatch for sum" + f": {_text(a)} over {in_a} and {_text(b)} over {in_b}")
    free_a = [d for d in range(a.ndim) if d not in in_a]
    free_b = [d for d in range(b.ndim) if d not in in_b]
    length = prod(a.shape[d] for d in in_a)
    shape_a, shape_b = [a.shape[d] for d in free_a], [b.shape[d] for d in free_b]
    left = np.reshape(np.transpose(a, (*free_a, *in_a)), (prod(shape_a), length))
    right = np.reshape(np.transpose(b, (*in_b, *free_b)), (length, prod(shape_b)))
    return np.reshape(matmul(left, right), (*shape_a, *shape_b))


@implements(np.kron)
def _kron(a: Any, b: Any) -> Any:
    a, b = asarray(a), asarray(b)
    if _ndim(a) == 0 or _ndim(b) == 0:
        return a * b
    dims = max(a.ndim, b.ndim)
    shape_a, shape_b = ((1,) * (dims - x.ndim) + x.shape for x in (a, b))
    left = np.reshape(a, [n for length in shape_a for n in (length, 1)])
    right = np.reshape(b, [n for length in shape_b for n in (1, length)])
    return np.reshape(left * right, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@implements(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(asarray(a), axisa, -1), np.moveaxis(asarray(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise _core.LengthError(
            f"numpy.cross of Arrays is of vectors of 3 elements, not of {a.shape[-1]} and {b.shape[-1]}"
        )
    first, second = np.asarray([1, 2, 0]), np.asarray([2, 0, 1])
    product = a[..., first] * b[..., second] - a[..., second] * b[..., first]
    return np.moveaxis(product, -1, axisc)


for _function in of_numpy("linalg.cross"):
    implements(_function)(lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis))


def _vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Any:
    a, b = np.moveaxis(asarray(a), axis, -1), np.moveaxis(asarray(b), axis, -1)
    return einsum("...i,...i->...", a, b)


for _function in of_numpy("vecdot"):
    UFUNCS[_function] = _vecdot
for _function in of_numpy("linalg.vecdot"):
    implements(_function)(_vecdot)
for _function in of_numpy("matvec"):
    UFUNCS[_function] = lambda a, b: einsum("...ij,...j->...i", a, b)
for _function in of_numpy("vecmat"):
    UFUNCS[_function] = lambda a, b: einsum("...i,...ij->...j", a, b)


@implements(np.convolve)
def _convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = _flat(a), _flat(v)
    if len(a) == 0 or len(v) == 0:
        raise ValueError("a cannot be empty" if len(a) == 0 else "v cannot be empty")
    if len(v) > len(a):
        a, v = v, a
    return _slid(a, np.flip(v), len(v) - 1, mode)


@implements(np.correlate)
def _correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = _flat(a), _flat(v)
    if len(a) == 0 or len(v) == 0:
        raise ValueError("first array argument cannot be empty" if len(a) == 0 else "second array argument cannot be")
    if len(v) > len(a):
        return np.flip(_slid(v, a, len(a) - 1, mode))
    return _slid(a, v, len(v) - 1, mode)


def _slid(a: Any, v: Any, most: int, mode: Any) -> Any:
    """Return the products of `v` with each part of `a`, beyond which there are zeros."""
    before, after = {"full": (most, most), "same": ((most + 1) // 2, most // 2), "valid": (0, 0)}[mode]
    padded = np.pad(a, (before, after))
    return matmul(np.lib.stride_tricks.sliding_window_view(padded, most + 1), v)


@implements(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    p, x = asarray(p), asarray(x)
    # Of one dimension they mix with numbers as Arrays do.
    coefficients = [p[k] if _ndim(x) == 0 else p[k : k + 1] for k in range(len(p))]
    result: Any = coefficients[0] + 0.0 * x
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


@implements(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    count = len(x) if N is None else N
    ones = with_fill(lambda entries, one: np.full(entries.shape, one), x, 1.0)
    columns = [ones]
    while len(columns) < count:
        columns.append(columns[-1] * x if len(columns) > 1 else x)
    return stack(columns[:count] if increasing else columns[:count][::-1], 1)


# --- einsum


@implements(np.einsum)
def einsum(*operands: Any, out: Any = None, optimize: Any = True, **settings: Any) -> Any:
    """Return the sum of products that a subscripts text tells: NumPy's einsum.

    Each pair of operands is one matrix product, or one for each place of what they share; the order of pairs is NumPy's
    choice for these shapes.

    Examples
    --------
    >>> import numpy as np, reelgrad as rg
    >>> a = rg.array([[1.0, 2.0], [3.0, 4.0]])
    >>> rg.einsum("ij,j->i", a, np.array([1.0, -1.0])).value
    array([-1., -1.])
    """
    refuse("einsum", out, settings.pop("dtype", None))
    for name in sorted(set(settings) - {"order", "casting"}):
        raise TypeError(f"einsum() got an unexpected keyword argument {name!r}")
    subscripts, arrays = _as_text(operands)
    made = [asarray(x) for x in arrays]
    terms, result = _labels(subscripts, [_ndim(x) for x in made])
    parts = [_Term(x, term) for x, term in zip(made, terms, strict=True)]
    sizes = _sizes(parts, subscripts)
    for part in parts:
        part.drop_length_one(sizes)
    for i, j in _pairs(parts, result):
        second, first = parts.pop(max(i, j)), parts.pop(min(i, j))
        keep = {*result, *(label for part in parts for label in part.labels)}
        parts.append(_product(first, second, keep))
    (last,) = parts
    last.sum_all_but(set(result))
    missing = [label for label in result if label not in last.labels]  # of length 1
    x = last.transposed([label for label in result if label in last.labels])
    return x[tuple(None if label in missing else slice(None) for label in result)] if missing else x


def _as_text(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return einsum's arguments as a text and arrays, also from its form with lists of numbers."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand, or at least one "
                         "operand and its corresponding subscripts list")  # fmt: skip
    if isinstance(operands[0], str):
        return operands[0], list(operands[1:])
    count = len(operands) // 2
    lists = [*operands[1 : 2 * count : 2], *operands[2 * count :]]
    numbers = sorted({n for part in lists for n in part if n is not Ellipsis})
    letter = {n: chr(ord("A") + k) if k < 26 else chr(ord("a") + k - 26) for k, n in enumerate(numbers)}

    def text(part: Sequence[Any]) -> str:
        return "".join("..." if n is Ellipsis else letter[n] for n in part)

    subscripts = ",".join(text(part) for part in operands[1 : 2 * count : 2])
    if len(operands) % 2:
        subscripts += "->" + text(operands[-1])
    return subscripts, list(operands[0 : 2 * count : 2])


def _labels(subscripts: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """Return the labels of each operand's axes and of the result's; those of an ellipsis are "0", "1" from behind."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: '{subscripts}' has subscripts for {len(terms)} operands, but there are {len(ranks)}")
    most = 0
    result: list[list[str]] = []
    for k, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        named = term.replace("...", "")
        if not all(c.isascii() and c.isalpha() for c in named):
            raise ValueError(f"einsum: invalid subscript in '{term}': letters and one ellipsis are")
        hidden = rank - len(named)
        if hidden < 0 or (hidden > 0 and "..." not in term):
            raise ValueError(
                f"einsum: operand {k} has {rank} dimensions, but its subscripts '{term}' have {len(named)}"
            )
        most = max(most, hidden)
        before, _, after = term.partition("...")
        result.append([*before, *(str(n) for n in reversed(range(hidden))), *after] if "..." in term else [*term])
    ellipsis = [str(n) for n in reversed(range(most))]
    if arrow:
        before, dots, after = right.partition("...")
        if most and not dots:
            raise ValueError("einsum: output has more dimensions than subscripts given: the ellipsis is missing in it")
        out = [*before, *(ellipsis if dots else []), *after]
    else:
        counts = Counter(left.replace("...", "").replace(",", ""))
        out = ellipsis + sorted(label for label, count in counts.items() if count == 1)
    known = {label for term in result for label in term}
    for label, count in Counter(out).items():
        if count > 1:
            raise ValueError(f"einsum: the output's subscripts include '{label}' multiple times")
        if label not in known:
            raise ValueError(f"einsum: the output's subscripts include '{label}' which never appeared in an input")
    return result, out


class _Term:
    """An operand with a label for each axis."""

    def __init__(self, x: Any, labels: Sequence[str]) -> None:
        self.x, self.labels = x, list(labels)

    def shape(self) -> tuple[int, ...]:
        return () if isinstance(self.x, _core.Node) else np.shape(self.x)

    def sizes(self) -> dict[str, int]:
        return dict(zip(self.labels, self.shape(), strict=True))

    def drop_length_one(self, sizes: dict[str, int]) -> None:
        """Drop axes that broadcast; then take the diagonals of labels that are there several times."""
        for axis in reversed(range(len(self.labels))):
            if self.shape()[axis] == 1 and (sizes[self.labels[axis]] > 1 or self.labels.count(self.labels[axis]) > 1):
                self.x = np.squeeze(self.x, axis)
                del self.labels[axis]
        for label in [label for label, count in Counter(self.labels).items() if count > 1]:
            while self.labels.count(label) > 1:
                first = self.labels.index(label)
                second = self.labels.index(label, first + 1)
                self.x = np.diagonal(self.x, 0, first, second)
                self.labels = [b for k, b in enumerate(self.labels) if k not in (first, second)] + [label]

    def sum_all_but(self, keep: set[str]) -> None:
        axes = tuple(k for k, label in enumerate(self.labels) if label not in keep)
        if axes:
            self.x = np.sum(self.x, axis=axes)
            self.labels = [label for label in self.labels if label in keep]

    def transposed(self, labels: Sequence[str]) -> Any:
        """Return the array with its axes in the order of these labels."""
        order = tuple(self.labels.index(label) for label in labels)
        return self.x if order == tuple(range(len(order))) else np.transpose(self.x, order)

    def matrices(self, *groups: Sequence[str]) -> Any:
        """Return the array with one axis for each group of labels."""
        sizes = self.sizes()
        x = self.transposed([label for group in groups for label in group])
        return np.reshape(x, [prod(sizes[label] for label in group) for group in groups])


def _sizes(parts: Sequence[_Term], subscripts: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for part in parts:
        for label, size in zip(part.labels, part.shape(), strict=True):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                raise _core.LengthError(
                    "operands could not be broadcast together with remapped shapes [original->remapped]: "
                    f"'{subscripts}' of {' '.join(str(p.shape()) for p in parts)}: '{label}' is {known} and {size}"
                )
    return sizes


def _pairs(parts: Sequence[_Term], result: Sequence[str]) -> list[tuple[int, int]]:
    """Return which two to multiply next, each product being put at the end."""
    if len(parts) < 3:
        return [(0, 1)] if len(parts) == 2 else []
    letters: dict[str, str] = {}
    for part in parts:
        for label in part.labels:
            letters.setdefault(label, chr(ord("A") + len(letters) + 6 * (len(letters) > 25)))
    text = ",".join("".join(letters[label] for label in part.labels) for part in parts)
    text += "->" + "".join(letters[label] for label in result if label in letters)
    shapes = [np.broadcast_to(0.0, part.shape()) for part in parts]
    path = np.einsum_path(text, *shapes, optimize="greedy")[0][1:]
    pairs: list[tuple[int, int]] = []
    for step in path:  # of more than two at once: the last two first
        rest = sorted(step)
        while len(rest) > 1:
            j, i = rest.pop(), rest.pop()
            pairs.append((i, j))
            rest.append(len(parts) - len(pairs) - 1)  # the product, at the end
    return pairs


def _product(a: _Term, b: _Term, keep: set[str]) -> _Term:
    a.sum_all_but(keep | set(b.labels))
    b.sum_all_but(keep | set(a.labels))
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in keep]
    inside = [label for label in shared if label not in keep]
    left = [label for label in a.labels if label not in shared]
    right = [label for label in b.labels if label not in shared]
    sizes = (
        {**a.sizes(), **b.sizes()}
        if a.labels and b.labels
        else (a if a.labels else b).sizes()
        if (a.labels or b.labels)
        else {}
    )
    labels = batch + left + right
    if not inside or not (left or right):
        # Element by element; a block for each place of the batch would be more.
        whole = labels + inside
        x = _spread(a, whole) * _spread(b, whole)
        term = _Term(x, whole)
        term.sum_all_but(set(labels))
        return term
    if batch:
        x = matmul(a.matrices(batch, left, inside), b.matrices(batch, inside, right))
    else:
        x = matmul(a.matrices(left, inside), b.matrices(inside, right))
    return _Term(np.reshape(x, [sizes[label] for label in labels]), labels)


def _spread(part: _Term, labels: Sequence[str]) -> Any:
    """Return the array with an axis for each of the labels, of length 1 for those that it has not."""
    x = part.transposed([label for label in labels if label in part.labels])
    if not part.labels:
        return asarray([x]) if labels and isinstance(x, _core.Node) else x
    return x[tuple(slice(None) if label in part.labels else None for label in labels)]

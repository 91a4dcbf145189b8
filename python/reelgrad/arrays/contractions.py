"""NumPy's einsum: each pair of operands is one matrix product, after diagonals, sums and transpositions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from reelgrad import _core
from reelgrad.arrays.array_type import asarray
from reelgrad.arrays.choices import shape_of
from reelgrad.arrays.products import matmul
from reelgrad.arrays.protocols import UFUNCS, implements, of_numpy, refuse

__all__ = ["einsum"]


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
    values = [asarray(x) for x in arrays]
    for name, of, further in _plan(subscripts, tuple(map(shape_of, values))):
        x = values[of]
        if name == "multiply":
            values.append(x * values[further])
        elif name == "matmul":
            values.append(matmul(x, values[further]))
        elif name == "vector":
            values.append(asarray([x]))
        else:
            values.append(getattr(x, name)(*further))
    return values[-1]


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


# --- Plans

# A method with its arguments, or a product with another; what it makes stands behind all that was there.
Step = tuple[str, int, Any]


@lru_cache(maxsize=1024)
def _plan(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> list[Step]:
    """Return what to do with operands of these shapes. The operands come first, the result is what is made last."""
    terms, result = _labels(subscripts, [len(shape) for shape in shapes])
    steps: list[Step] = []
    parts = [
        _Term(steps, len(shapes), k, labels, shape) for k, (labels, shape) in enumerate(zip(terms, shapes, strict=True))
    ]
    sizes = _sizes(parts, subscripts)
    for part in parts:
        part.drop_length_one(sizes)
    for i, j in _pairs(parts, result):
        second, first = parts.pop(max(i, j)), parts.pop(min(i, j))
        keep = {*result, *(label for part in parts for label in part.labels)}
        parts.append(_product(first, second, keep))
    (last,) = parts
    last.sum_all_but(set(result))
    last.spread(result)
    if not steps:  # the operand as it is
        last.do("reshape", (last.shape,), last.labels, last.shape)
    return steps


class _Term:
    """An array in a plan, with a label for each axis."""

    def __init__(self, steps: list[Step], count: int, at: int, labels: Sequence[str], shape: tuple[int, ...]) -> None:
        self.steps, self.count, self.at = steps, count, at
        self.labels, self.shape = list(labels), shape

    def sizes(self) -> dict[str, int]:
        return dict(zip(self.labels, self.shape, strict=True))

    def do(self, name: str, further: Any, labels: Sequence[str], shape: Sequence[int]) -> None:
        """Become what a step makes of this."""
        self.steps.append((name, self.at, further))
        self.at = self.count + len(self.steps) - 1
        self.labels, self.shape = list(labels), tuple(shape)

    def drop_length_one(self, sizes: dict[str, int]) -> None:
        """Drop axes that broadcast; then take the diagonals of labels that are there several times."""
        for axis in reversed(range(len(self.labels))):
            label = self.labels[axis]
            if self.shape[axis] == 1 and (sizes[label] > 1 or self.labels.count(label) > 1):
                rest = [k for k in range(len(self.labels)) if k != axis]
                self.do("squeeze", (axis,), [self.labels[k] for k in rest], [self.shape[k] for k in rest])
        for label in [label for label, count in Counter(self.labels).items() if count > 1]:
            while self.labels.count(label) > 1:
                first = self.labels.index(label)
                second = self.labels.index(label, first + 1)
                rest = [k for k in range(len(self.labels)) if k not in (first, second)]
                labels = [*(self.labels[k] for k in rest), label]
                self.do("diagonal", (0, first, second), labels, [*(self.shape[k] for k in rest), self.shape[first]])

    def sum_all_but(self, keep: set[str]) -> None:
        axes = tuple(k for k, label in enumerate(self.labels) if label not in keep)
        if axes:
            rest = [k for k in range(len(self.labels)) if k not in axes]
            self.do("sum", (axes,), [self.labels[k] for k in rest], [self.shape[k] for k in rest])

    def transpose(self, labels: Sequence[str]) -> None:
        """Put the axes in the order of these labels."""
        order = tuple(self.labels.index(label) for label in labels)
        if order != tuple(range(len(order))):
            self.do("transpose", (order,), labels, [self.shape[k] for k in order])

    def group(self, *groups: Sequence[str]) -> None:
        """Get one axis for each group of labels."""
        sizes = self.sizes()
        self.transpose([label for group in groups for label in group])
        shape = tuple(prod(sizes[label] for label in group) for group in groups)
        if shape != self.shape:
            self.do("reshape", (shape,), ["" for _ in shape], shape)

    def spread(self, labels: Sequence[str]) -> None:
        """Get an axis for each of the labels, of length 1 for those that there are not."""
        if not self.labels and labels:  # of a Node too, which has no axes and mixes with no array
            self.do("vector", None, labels[-1:], (1,))
        self.transpose([label for label in labels if label in self.labels])
        if len(self.labels) < len(labels):
            sizes = self.sizes()
            index = tuple(slice(None) if label in sizes else None for label in labels)
            self.do("__getitem__", (index,), labels, [sizes.get(label, 1) for label in labels])


def _sizes(parts: Sequence[_Term], subscripts: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for part in parts:
        for label, size in zip(part.labels, part.shape, strict=True):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                raise _core.LengthError(
                    "operands could not be broadcast together with remapped shapes [original->remapped]: "
                    f"'{subscripts}' of {' '.join(str(p.shape) for p in parts)}: '{label}' is {known} and {size}"
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
    shapes = [np.broadcast_to(0.0, part.shape) for part in parts]
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
    sizes = {**a.sizes(), **b.sizes()}
    labels = batch + left + right
    if not inside or not (left or right):
        # Element by element; a block for each place of the batch would be more.
        whole = labels + inside
        a.spread(whole)
        b.spread(whole)
        a.do("multiply", b.at, whole, [sizes[label] for label in whole])
        a.sum_all_but(set(labels))
        return a
    groups = [batch] if batch else []
    a.group(*groups, left, inside)
    b.group(*groups, inside, right)
    made = tuple(prod(sizes[label] for label in group) for group in (*groups, left, right))
    a.do("matmul", b.at, ["" for _ in made], made)
    shape = tuple(sizes[label] for label in labels)
    if shape != made:
        a.do("reshape", (shape,), labels, shape)
    a.labels = labels
    return a


# --- Products of batches of vectors


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

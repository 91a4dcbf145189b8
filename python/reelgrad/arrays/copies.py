"""Copies of Arrays of variables: what shares variables before shares them afterwards.

A view, such as the transpose of a weight that a model keeps beside it, or a broadcast Array, in which one variable has
several places, is made of the copies of its variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reelgrad import _core

if TYPE_CHECKING:
    from reelgrad.arrays.array_type import Array

__all__ = ["copied", "reduced", "shared_variables"]

_COPIES = "reelgrad: Arrays and their copies"  # where copy.deepcopy remembers them


def reduced(array: Array) -> tuple[Any, ...]:
    """Return what makes an Array of new variables with these values: see ``object.__reduce__``."""
    from reelgrad.arrays.array_type import array as of_values

    places, first, positions = np.unique(array._entries().ravel(), return_index=True, return_inverse=True)
    if len(places) == array.size:
        return of_values, (array.value,)
    return _repeated, (array.value.ravel()[first], positions.reshape(array.shape))


def _repeated(values: NDArray[np.float64], positions: NDArray[Any]) -> Any:
    from reelgrad.arrays.array_type import array as of_values

    return of_values(values)[positions]


def copied(array: Array, memo: dict[Any, Any]) -> Any:
    """Return a deep copy, of the variables that `memo` has copies of already and of new ones for the others."""
    from reelgrad.arrays.array_type import array as of_values

    copies = memo.setdefault(_COPIES, [])
    flat = array.ravel()
    places = flat._entries()
    new = np.ones(len(places), bool)
    for old, _ in copies:
        if old.tape == array.tape:
            new &= ~np.isin(places, old._entries())
    if new.any():
        _, first = np.unique(places[new], return_index=True)
        old = flat[np.flatnonzero(new)[np.sort(first)]]
        copies.append((old, of_values(old.value)))
    places = flat._entries()  # asked again, since making variables may have moved the others
    entries = np.empty(len(places), np.int64)
    for old, copy in copies:
        if old.tape == array.tape:
            known, found = old._entries(), copy._entries()
            order = np.argsort(known)
            at = np.searchsorted(known, places, sorter=order).clip(max=len(known) - 1)
            hit = known[order[at]] == places
            entries[hit] = found[order[at[hit]]]
    return _core._array_of_entries(_core.current_tape(), entries.reshape(array.shape))


def shared_variables(parameters: list[Any]) -> tuple[int, int] | None:
    """Return the numbers of two Nodes or Arrays that share a variable, or of one in which one has several places."""
    by_tape: dict[Any, list[tuple[int, NDArray[Any]]]] = {}
    for number, parameter in enumerate(parameters):
        node = isinstance(parameter, _core.Node)
        places = np.array([_core._entry_of_node(parameter)]) if node else parameter._entries().ravel()
        by_tape.setdefault(parameter.tape, []).append((number, places))
    for found in by_tape.values():
        places = np.concatenate([part for _, part in found])
        order = np.argsort(places, kind="stable")
        same = np.flatnonzero(np.diff(places[order]) == 0)
        if same.size:
            owners = np.repeat([number for number, _ in found], [len(part) for _, part in found])
            return int(owners[order[same[0]]]), int(owners[order[same[0] + 1]])
    return None

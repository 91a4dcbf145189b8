"""Arrays: Nodes in a NumPy-shaped container, recorded in bulk.

How it hangs together, and how to add a function
------------------------------------------------
An `Array` is a strided view of entries of a tape (the C type ``_core._ArrayBase``; no Python object stands for an
element). A function of Arrays is one of four kinds:

- *it only rearranges elements* (reshape, take, roll): NumPy's own function is applied to the elements' positions, and
  nothing is recorded: ``array._view(np.roll(array._positions(), 1))``; for several arrays see `joined`;
- *an operator of the table, element by element*: there already, by its name in ``_core``, as a method, and as the
  ufunc that the table's aliases name;
- *a composition* of such functions (mean, softmax): plain Python here, which broadcasts and differentiates by itself;
- *one block with a derivative of its own* (linear algebra): compute the value with NumPy or SciPy and call
  ``_core._array_rule(name, operands, value, vjp)``; ``vjp(g)`` returns, for the adjoints ``g`` of the value, the
  adjoints of each operand (None for none), as plain NumPy arrays.

Write it as a function with NumPy's signature and decorate it with ``@implements(np.<function>)`` (protocols.py): from
then on NumPy's name takes Arrays too. If it is to be ``rg.<function>`` as well, list it in ``__all__`` here and in
``reelgrad/__init__.py``. Every function that is registered is compared with NumPy's, in shapes and values, and its
gradients with differences.
"""

import reelgrad.arrays.elementwise
import reelgrad.arrays.sequences
import reelgrad.arrays.statistics  # noqa: F401 - enters its functions in the tables of protocols.py
from reelgrad.arrays import linalg
from reelgrad.arrays.array_type import Array, array, asarray, zeros
from reelgrad.arrays.contractions import einsum
from reelgrad.arrays.products import matmul, outer, tensordot, vdot
from reelgrad.arrays.rearranging import broadcast_arrays, concatenate, stack
from reelgrad.arrays.reductions import log_softmax
from reelgrad.arrays.running import cumsum, diff

__all__ = [
    "Array",
    "array",
    "asarray",
    "broadcast_arrays",
    "concatenate",
    "cumsum",
    "diff",
    "einsum",
    "linalg",
    "log_softmax",
    "matmul",
    "outer",
    "stack",
    "tensordot",
    "vdot",
    "zeros",
]

"""reelgrad: exact derivatives of scalar Python programs at the speed of C++.

A program written with ordinary numbers, loops and branches runs on Nodes instead; what it computes is recorded on a
tape, and one reverse sweep gives the derivatives with respect to all its variables.

>>> import reelgrad as rg
>>> w, b = rg.variables(0.5, 0.0)
>>> loss = ((w * 3.0 + b).tanh() - 1.0) ** 2
>>> loss.backward()
>>> print(f"{loss:.6f} {w.grad:.6f} {b.grad:.6f}")
0.008997 -0.102842 -0.034281
"""

from reelgrad import interpreters  # isort: skip  # noqa: F401  # before the engine is loaded
from reelgrad import copying  # isort: skip  # noqa: F401  # for copy.copy and copy.deepcopy
from reelgrad import _core, arrays, nn, optim
from reelgrad._core import *
from reelgrad._version import __version__
from reelgrad.arrays import *
from reelgrad.compiled import CompiledFunction, compile
from reelgrad.derivatives import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from reelgrad.elsewhere import missing as _missing
from reelgrad.embedding import HeadersNotFoundError, get_cmake_dir, get_include
from reelgrad.optimize import least_squares, minimize
from reelgrad.show import Drawing, DrawingError, Explanation, Exploration, draw, explain, explore
from reelgrad.threads import get_num_threads, set_num_threads
from reelgrad.tracing import Trace, trace
from reelgrad.training import EarlyStopping, FitResult, NotFiniteWarning, fit
from reelgrad.trees import Static, StructureError, static

__all__ = [
    "CompiledFunction",
    "Drawing",
    "DrawingError",
    "EarlyStopping",
    "Explanation",
    "Exploration",
    "FitResult",
    "HeadersNotFoundError",
    "NotFiniteWarning",
    "Static",
    "StructureError",
    "Trace",
    "__version__",
    "compile",
    "draw",
    "explain",
    "explore",
    "fit",
    "get_cmake_dir",
    "get_include",
    "get_num_threads",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "least_squares",
    "minimize",
    "nn",
    "optim",
    "set_num_threads",
    "static",
    "trace",
    "value_and_grad",
    "vjp",
]
__all__ += _core.__all__
__all__ += arrays.__all__

globals()["__getattr__"] = _missing  # a type checker is not to see that, or it would find no wrong names

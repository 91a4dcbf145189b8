"""Wrong use of Arrays: NumPy's errors for wrong shapes and axes, refusals that name the cure; the tape is unchanged.

NumPy itself is asked which error is right: each wrong call is made with numbers first.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from numpy_calls import A, Case, M, call, function_named
from reelgrad.arrays.protocols import _IN_PLACE, FUNCTIONS, UFUNCS
from tape_state import unchanged
from test_array_numpy import MATRIX_UFUNCS, drawn, results_of

c = call

OPERATORS_OF_TWO = [f for f in UFUNCS if f.nin == 2 and f.__name__ not in MATRIX_UFUNCS]
BAD_PAIRS = [((2,), (3,)), ((2, 3), (2,)), ((4, 1, 2), (3, 3)), ((0,), (2,)), ((2, 3), (3, 2))]


def shape_text(shape: tuple[int, ...]) -> str:
    return str(shape).replace(" ", "")


@pytest.mark.parametrize("pair", BAD_PAIRS, ids=str)
@pytest.mark.parametrize("ufunc", OPERATORS_OF_TWO, ids=lambda f: f.__name__)
def test_shapes_that_do_not_broadcast_are_refused_in_numpys_words(ufunc: Any, pair: Any) -> None:
    a, b = (np.ones(shape) for shape in pair)
    with pytest.raises(ValueError) as numpys:
        ufunc(a, b)
    words = str(numpys.value).strip()
    assert all(shape_text(shape) in words for shape in pair)
    x, y = rg.array(a), rg.array(b)
    for operands in ((x, y), (x, b), (a, y)):
        with unchanged(tape=x.tape), pytest.raises(ValueError) as ours:
            ufunc(*operands)
        assert str(ours.value) == words


WRONG: dict[str, list[Any]] = {
    "sum": [c(A(2, 3), axis=2), c(A(2, 3), axis=(0, 0)), c(A(3), axis=-2), c(A(2, 3), axis=1.5)],
    "max": [c(A(0)), c(A(2, 0), axis=1), c(A(2, 3), axis=5), c(A(2, 3), where=np.ones((2, 3), bool))],
    "mean": [c(A(2, 3), axis=2), c(A(2, 3), where=np.ones((2, 2), bool))],
    "var": [c(A(2, 3), axis=(0, -2))],
    "cumsum": [c(A(2, 3), axis=2)],
    "diff": [c(A(3), n=-1), c(A(3), axis=1)],
    "average": [c(A(2, 3), weights=A(2)), c(A(2, 3), axis=1, weights=A(2)), c(A(3), weights=[0.0, 0.0, 0.0])],
    "quantile": [c(A(3), 1.5), c(A(3), 0.5, axis=1)],
    "dot": [c(A(2), A(3)), c(A(2, 3), A(2)), c(A(2, 3), A(2, 3)), c(A(2, 3), A(3, 2, 2))],
    "vdot": [c(A(2), A(3))],
    "inner": [c(A(2), A(3)), c(A(2, 3), A(3, 2))],
    "matmul": [c(A(2), A(3)), c(A(2, 3), A(2, 3)), c(A(2, 2, 3), A(3, 3, 2)), c(A(2, 3), 1.0)],
    "tensordot": [c(A(2, 3), A(2, 3), 1), c(A(2, 3), A(3, 2), ([0], [0, 1]))],
    "cross": [c(A(4), A(4)), c(A(3), A(4)), c(A(2, 3), A(3, 3))],
    "einsum": [
        c("ij,jk", A(2, 3), A(2, 3)), c("ij", A(2)), c("i,j", A(2)), c("i->j", A(2)), c("i->ii", A(2)),
        c("i1", A(2, 2)),
        c("ii", A(2, 3)),
    ],
    "convolve": [c(A(0), A(3)), c(A(3), A(0))],
    "concatenate": [c([A(2, 3), A(2, 2)]), c([A(2), A(2, 2)]), c([A(2), A(2)], axis=1)],
    "stack": [c([A(2), A(3)]), c([A(2), A(2)], axis=3)],
    "hstack": [c([A(2, 1), A(3, 1)])],
    "reshape": [c(A(2, 3), (4, 2)), c(A(2, 3), (-1, -1)), c(A(2, 3), (4, -1))],
    "transpose": [c(A(2, 3), (0, 0)), c(A(2, 3), (0,))],
    "squeeze": [c(A(2, 1), 0)],
    "broadcast_to": [c(A(3), (2,)), c(A(2, 3), (3,))],
    "take": [c(A(3), 3), c(A(2, 3), [0, 5], axis=1)],
    "split": [c(A(5), 2)],
    "where": [c([True, False], A(2), A(3)), c([True, False, True], A(2), 1.0)],
    "clip": [c(A(2), A(3), 1.0)],
    "pad": [c(A(3), (1, 2, 3))],
    "diag": [c(A(2, 2, 2))],
    "linalg.inv": [c(A(2, 3)), c(A(2)), c(A(2, 3, 2))],
    "linalg.solve": [c(M(3, 3), A(2)), c(A(2, 3), A(2)), c(M(2, 2), A(3, 2))],
    "linalg.det": [c(A(2, 3)), c(A(3))],
    "linalg.cholesky": [c(A(3, 3)), c(A(2, 3))],
    "linalg.norm": [c(A(2, 2, 2), 1), c(A(2, 3), axis=2), c(A(2, 3), 3), c(A(2, 3), axis=(0, 0)), c(A(3), "fro"),
        c(A(2, 3), "no")],
    "linalg.matrix_power": [c(A(2, 3), 2)],
    "linalg.multi_dot": [c([A(2, 3)]), c([A(2, 3), A(2, 3)]), c([A(2, 3), A(2, 3), A(3, 2)])],
}  # fmt: skip
WRONG_CALLS = [Case(name, args, settings) for name, calls in WRONG.items() for args, settings in calls]


@pytest.mark.parametrize("case", WRONG_CALLS, ids=str)
def test_a_wrong_call_raises_what_numpy_raises_and_records_nothing(case: Case) -> None:
    numbers = drawn(case)
    with pytest.raises(Exception) as numpys:
        results_of(case, numbers)
    kind = next(base for base in type(numpys.value).__mro__ if base.__module__ in ("builtins", "numpy.linalg"))
    arrays = [rg.array(x) for x in numbers]
    with unchanged(tape=rg.current_tape()), pytest.raises(kind):
        results_of(case, arrays)


def test_a_singular_matrix_is_numpys_error() -> None:
    a = rg.array([[1.0, 2.0], [2.0, 4.0]])
    for function in (np.linalg.inv, lambda m: np.linalg.solve(m, [1.0, 1.0])):
        with unchanged(tape=a.tape), pytest.raises(np.linalg.LinAlgError, match="Singular"):
            function(a)
    sign, logarithm = np.linalg.slogdet(a)
    assert (float(sign), logarithm.value) == (0.0, -np.inf)


# --- What is not supported


def public_functions() -> dict[str, Any]:
    """The functions of NumPy and numpy.linalg that ask their arguments' types."""
    found = {}
    for prefix, module in (("", np), ("linalg.", np.linalg)):
        for name in dir(module):
            function = getattr(module, name)
            if not name.startswith("_") and hasattr(function, "__wrapped__") and callable(function):
                found[prefix + name] = function
    return found


UNSUPPORTED = {name: f for name, f in public_functions().items() if f not in FUNCTIONS}


def test_an_unsupported_function_names_itself_and_the_nearest_that_is_supported() -> None:
    a = rg.array([[2.0, 1.0], [1.0, 3.0]])
    for name, nearest in [("fft.fft", None), ("angle", None), ("histogram2d", "histogram"), ("linalg.eig",
    "linalg.eigh")]:  # fmt: skip
        function = function_named(name)
        if function is None:
            continue
        with pytest.raises(rg.NodeTypeError) as error:
            function(a, a) if name == "histogram2d" else function(a)
        assert isinstance(error.value, TypeError)
        assert f"numpy.{name} " in str(error.value)
        assert f"The nearest that is: numpy.{nearest or ''}" in str(error.value)
    for ufunc in (np.spacing, np.gcd, np.nextafter, np.frexp, np.bitwise_and, np.modf):
        with pytest.raises(TypeError, match=f"numpy.{ufunc.__name__} .*The nearest that is: numpy"):
            ufunc(*[a] * ufunc.nin)


def plain_numbers_in(result: Any) -> bool:
    """Whether there are floats in a result, which could have lost a derivative."""
    if isinstance(result, (tuple, list)):
        return any(map(plain_numbers_in, result))
    if isinstance(result, dict):
        return any(map(plain_numbers_in, result.values()))
    return isinstance(result, (float, complex)) or getattr(result, "dtype", np.dtype(bool)).kind in "fcO"


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_no_unsupported_function_turns_an_array_into_numbers(name: str) -> None:
    """NumPy's functions that Arrays do not know, called in the likeliest ways: TypeError, or no floats."""
    warnings.simplefilter("ignore", DeprecationWarning)  # of old functions in old versions
    a = rg.array([[2.0, 1.0], [1.0, 3.0]])
    for args in ((a,), (a, a), (a, a, a), (a, 1), ([a, a],)):
        with unchanged(tape=a.tape):
            try:
                result = UNSUPPORTED[name](*args)
            except (TypeError, ValueError, AttributeError):
                continue
            assert not plain_numbers_in(result) or isinstance(result, rg.Array), (name, args)


@pytest.mark.parametrize("name", ["fft.fft", "random.permutation", "ma.array", "polynomial.polynomial.polyval"])
def test_other_modules_of_numpy_do_not_turn_an_array_into_numbers(name: str) -> None:
    a = rg.array([2.0, 1.0])
    arguments = (0.5, a) if "polyval" in name else (a,)
    try:
        result = function_named(name)(*arguments)
    except TypeError:
        return
    assert np.asarray(result, dtype=object).dtype == object
    assert any(isinstance(x, (rg.Array, rg.Node)) for x in np.ravel(np.asarray(result, dtype=object)))


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray, np.array, float, int, complex, np.float64, lambda a: np.array([a, a]),
        lambda a: np.zeros(3) + np.asarray(a), lambda a: a.__array__(), memoryview, bytes,
        lambda a: np.fromiter(a, float),
        lambda a: np.frombuffer(a), bool, lambda a: f"{a:.3f}",
    ],
)  # fmt: skip
def test_an_array_never_becomes_numbers_by_itself(convert: Callable[[Any], Any]) -> None:
    a = rg.array([1.0, 2.0, 3.0])
    with unchanged(tape=a.tape), pytest.raises((TypeError, ValueError, BufferError)):
        convert(a)


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_intermediates_are_not_copied(duplicate: Callable[[Any], Any]) -> None:
    y = rg.array([1.0, 2.0]) * 2.0
    with unchanged(tape=y.tape), pytest.raises(rg.NodeTypeError, match=r"\.value"):
        duplicate(y)


# --- Elements that are no real numbers


@pytest.mark.parametrize(
    "wrong",
    [np.array([1j, 2]), np.array(["a", "b"]), np.array([None, 1.0]), [1j], ["1.0"], np.array(["2020-01-01"], "M8[D]"),
     np.array([1], "m8[s]"), np.array([(1.0,)], dtype=[("x", float)]), 1j, "1", None, {}, {1.0}, object],
    ids=repr,
)  # fmt: skip
def test_arrays_are_made_of_real_numbers_only(wrong: Any) -> None:
    tape = rg.current_tape()
    a = rg.array([1.0, 2.0])
    for make in (rg.array, tape.array, lambda x: a + x, lambda x: x * a, lambda x: a @ x, lambda x: np.maximum(x, a),
                 lambda x: np.where([True, False], a, x), lambda x: np.linalg.solve(np.eye(2), a) + x):  # fmt: skip
        before = len(tape)
        with pytest.raises(TypeError):
            make(wrong)
        assert len(tape) in (before, before + 2)  # the right operand may be there already


@pytest.mark.parametrize(
    "dtype", [np.int8, np.int64, np.uint64, bool, np.float16, np.float32, np.longdouble, ">f8", ">i4"]
)
def test_integers_bools_and_other_floats_are_taken_as_float64(dtype: Any) -> None:
    numbers = np.array([1, 0, 1]).astype(dtype)
    a = rg.array(numbers)
    assert (a.dtype, a.value.dtype) == (np.float64, np.float64)
    np.testing.assert_array_equal(a.value, [1.0, 0.0, 1.0])
    np.testing.assert_array_equal((a + numbers).value, [2.0, 0.0, 2.0])
    np.testing.assert_array_equal((numbers * a).value, [1.0, 0.0, 1.0])


def test_integers_beyond_float64_are_rounded_as_numpys() -> None:
    assert rg.array([2**53 + 1]).value[0] == float(2**53 + 1)


# --- Assignment


@pytest.mark.parametrize(
    "assign",
    [
        lambda a: a.__setitem__(0, 1.0), lambda a: a.__setitem__(slice(None), 0.0),
        lambda a: a.__setitem__((0, 1), a[0, 0]),
        lambda a: np.copyto(a, 0.0), lambda a: np.put(a, [0], [1.0]), lambda a: np.place(a, [[True]], [1.0]),
        lambda a: np.putmask(a, [[True]], [1.0]), lambda a: np.fill_diagonal(a, 0.0), lambda a: np.add(a, 1.0, out=a),
        lambda a: np.add(a, 1.0, out=np.zeros((2, 2))), lambda a: np.add.at(a, 0, 1.0),
        lambda a: np.sum(a, out=np.zeros(())),
        lambda a: np.put_along_axis(a, np.array([[0]]), 1.0, 0), lambda a: np.clip(a, 0, 1, out=a),
        lambda a: a.__delitem__(0),
        lambda a: np.concatenate([a, a], out=np.zeros((4, 2))), lambda a: np.dot(a, a, out=np.zeros((2, 2))),
        lambda a: setattr(a, "T", 1),
        lambda a: np.exp(a, out=np.zeros((2, 2))), lambda a: setattr(a, "shape", (4,)), lambda a: setattr(a, "new", 1),
    ],
)  # fmt: skip
def test_nothing_is_assigned_into_an_array(assign: Callable[[Any], Any]) -> None:
    a = rg.array([[1.0, 2.0], [3.0, 4.0]])
    with unchanged(tape=a.tape), pytest.raises((TypeError, AttributeError)):
        assign(a)
    np.testing.assert_array_equal(a.value, [[1.0, 2.0], [3.0, 4.0]])


def test_the_refusal_to_assign_names_the_cure() -> None:
    a = rg.array([1.0, 2.0])
    with pytest.raises(rg.NodeTypeError, match=r"where.*concatenate.*stack.*\.value"):
        a[0] = 5.0
    for function in _IN_PLACE:
        assert function not in FUNCTIONS


def test_in_place_operators_make_a_new_array_and_leave_the_old_one() -> None:
    a = rg.array([1.0, 2.0])
    b = a
    b += 1.0
    b *= a
    b **= 2
    assert b is not a
    np.testing.assert_array_equal(a.value, [1.0, 2.0])
    np.testing.assert_array_equal(b.value, [4.0, 36.0])
    b.sum().backward()
    np.testing.assert_array_equal(a.grad, [2 * 2 * 3.0, 2 * 6 * 5.0])
    numbers = np.ones(2)
    with pytest.raises(TypeError):
        numbers += a  # NumPy's array cannot hold Nodes
    np.testing.assert_array_equal(numbers, 1.0)


# --- Views after a rewind


@pytest.mark.parametrize(
    "view",
    [
        lambda y: y[1:], lambda y: y.T, lambda y: y.reshape(-1), lambda y: y[[1, 0]], lambda y: np.flip(y),
        lambda y: np.stack([y, y]),
        lambda y: np.broadcast_to(y, (2, 2, 2)), lambda y: np.pad(y, 1), lambda y: np.linalg.inv(y),
        lambda y: np.cumsum(y), lambda y: np.sort(y),
        lambda y: np.einsum("ij,jk", y, y), lambda y: np.split(y, 2)[0],
    ],
)  # fmt: skip
def test_what_was_made_after_a_mark_is_stale_when_the_tape_is_rewound(view: Callable[[Any], Any]) -> None:
    with rg.Tape() as tape:
        a = tape.array([[2.0, 1.0], [0.5, 3.0]])
        mark = tape.mark()
        made = view(a * 1.5)
        kept = a.T
        tape.rewind(mark)
        for use in (lambda: made.value, lambda: made + 1.0, lambda: made[0], lambda: made.sum(),
        lambda: made.grad, lambda: np.exp(made),
                    lambda: np.concatenate([made, made]), lambda: made.backward(np.ones(made.shape))):  # fmt: skip
            with unchanged(tape=tape), pytest.raises(rg.StaleNodeError, match="rewind"):
                use()
        assert "stale" in repr(made)
        assert made.shape == view(np.ones((2, 2)) + np.eye(2)).shape
        kept.sum().backward()
        np.testing.assert_array_equal(a.grad, np.ones((2, 2)))


# --- Huge shapes


@pytest.mark.parametrize(
    "grow",
    [
        lambda a: np.outer(a, a), lambda a: np.broadcast_to(a, (10**6, 300)) * 1.0, lambda a: np.kron(a, a),
        lambda a: np.einsum("i,j,k->ijk", a, a, a),
        lambda a: np.add.outer(a, a), lambda a: a[:, None, None] + a[:, None] + a,
        lambda a: np.tensordot(a, a, 0), lambda a: np.vander(a, 1000),
        lambda a: np.linalg.inv(np.diag(a) * 1.0 + np.eye(300)), lambda a: rg.zeros((300, 300), tape=a.tape),
        lambda a: a.tape.array(np.zeros((300, 300))),
        lambda a: np.cumsum(np.tile(a, 200)), lambda a: rg.zeros((1 << 62, 1 << 62)),
        lambda a: rg.zeros(1 << 70), lambda a: np.cov(a[:, None] * np.ones(2)),
    ],
)  # fmt: skip
def test_what_is_too_large_is_a_memory_error_that_leaves_the_tape_usable(grow: Callable[[Any], Any]) -> None:
    tape = rg.Tape(limit=20_000)
    a = tape.array(np.linspace(0.5, 1.5, 300))
    y = (a * a).sum()
    with pytest.raises(MemoryError):
        grow(a)
    y.backward()
    np.testing.assert_allclose(a.grad, 2.0 * a.value)
    assert (a + 1.0).shape == (300,)


def test_a_view_that_repeats_elements_costs_no_entries() -> None:
    tape = rg.Tape(limit=1000)
    a = tape.array(np.ones(10))
    before = len(tape)
    assert np.broadcast_to(a, (1000, 10)).sum().value == 10_000.0
    assert len(tape) == before + 1


def test_more_dimensions_than_there_are_are_refused() -> None:
    a = rg.array([1.0])
    with unchanged(tape=a.tape), pytest.raises(rg.LengthError, match="16 at most"):
        a.reshape((1,) * 17)
    assert a.reshape((1,) * 16).ndim == 16
    with pytest.raises(rg.LengthError, match="16 at most"):
        rg.array(np.ones((1,) * 17))


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])


@pytest.mark.parametrize(
    "use",
    [
        lambda a: rg.array(MASKED),
        lambda a: a + MASKED,
        lambda a: rg.exp(MASKED),
        lambda a: rg.maximum(a, MASKED),
        lambda a: rg.where(a > 0.0, MASKED, a),
        lambda a: rg.mse(a, MASKED),
        lambda a: (2.0 * a).backward(MASKED),
        lambda a: setattr(a, "value", MASKED),
    ],
)
def test_a_mask_is_not_lost_silently(use: Callable[[Any], Any]) -> None:
    a = rg.array([1.0, 3.0])
    with pytest.raises(rg.NodeTypeError, match=r"masked array, whose mask would be lost.*filled"):
        use(a)
    np.testing.assert_array_equal(a.value, [1.0, 3.0])


def test_a_masked_array_without_masked_elements_is_taken() -> None:
    a = rg.array([1.0, 3.0])
    np.testing.assert_array_equal((a + np.ma.array([1.0, 2.0])).value, [2.0, 5.0])

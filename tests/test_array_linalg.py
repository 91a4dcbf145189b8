"""Linear algebra of Arrays beyond the table of cases: what is recorded, singular matrices, and second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

MATRIX = np.array([[2.0, 1.0, 0.3], [0.5, 3.0, -0.2], [0.1, 0.7, -1.5]])
RIGHT = np.array([1.0, -2.0, 0.5])

# What is one block on the tape, however large.
ONE_BLOCK: dict[str, Callable[[Any], Any]] = {
    "inv": np.linalg.inv,
    "solve": lambda a: np.linalg.solve(a, np.ones(a.shape[-1])),
    "det": np.linalg.det,
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "pinv": np.linalg.pinv,
    "eigh": lambda a: np.linalg.eigh(a)[1],
    "svd": lambda a: np.linalg.svd(a)[0],
    "qr": lambda a: np.linalg.qr(a)[0],
    "cumsum": lambda a: np.cumsum(a, axis=1),
}


@pytest.mark.parametrize("name", ONE_BLOCK)
def test_a_call_is_one_block_of_as_many_entries_as_there_are_results(name: str) -> None:
    a = rg.array(np.random.default_rng(1).normal(size=(20, 20)) + 5.0 * np.eye(20))
    before = a.tape.stats()
    result = ONE_BLOCK[name](a)
    after = a.tape.stats()
    assert after["blocks"] == before["blocks"] + 1
    entries = {"eigh": 20 + 400, "svd": 20 + 800, "qr": 800}.get(name, np.size(result) if name != "det" else 1)
    entries = 1 if isinstance(result, rg.Node) else entries
    assert after["operators"] == before["operators"] + entries


def test_cholesky_of_a_large_matrix_is_one_block() -> None:
    b = np.random.default_rng(1).normal(size=(30, 30))
    a = rg.array(b @ b.T + 30.0 * np.eye(30))
    before = a.tape.stats()
    factor = np.linalg.cholesky(a)
    after = a.tape.stats()
    assert (after["blocks"], after["operators"]) == (before["blocks"] + 1, before["operators"] + 900)
    # log det by the factor has the inverse as its derivative; what is read counts for both triangles
    (2.0 * np.log(np.diagonal(factor)).sum()).backward()
    inverse = np.linalg.inv(a.value)
    np.testing.assert_allclose(a.grad, 2.0 * np.tril(inverse) - np.diag(np.diag(inverse)), rtol=1e-9, atol=1e-12)


def test_cholesky_of_a_product_has_the_derivative_of_its_parts() -> None:
    """Through B @ B.T the two triangles cannot be told apart: the gradient by B is that of differences."""
    b = np.array([[2.0, 0.5], [-0.3, 1.5]])

    def f(m: Any) -> Any:
        return (np.linalg.cholesky(m @ np.transpose(m)) * np.array([[1.0, 2.0], [3.0, -1.0]])).sum()

    x = rg.array(b)
    f(x).backward()
    for index in np.ndindex(2, 2):
        up, down = b.copy(), b.copy()
        up[index] += 1e-6
        down[index] -= 1e-6
        assert x.grad[index] == pytest.approx((f(up) - f(down)) / 2e-6, rel=1e-7)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 2.0], [2.0, 4.0]],
        [[0.0, 0.0], [0.0, 0.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]],
    ],
)
def test_the_derivative_of_the_determinant_of_a_singular_matrix_is_its_cofactors(matrix: Any) -> None:
    m = np.array(matrix)
    a = rg.array(m)
    np.linalg.det(a).backward()
    n = len(m)
    for i, j in np.ndindex(n, n):
        minor = np.delete(np.delete(m, i, 0), j, 1)
        assert a.grad[i, j] == pytest.approx((-1.0) ** (i + j) * np.linalg.det(minor), abs=1e-13 * max(1, m.max() ** n))


def test_the_logarithm_of_a_determinant_that_overflows_is_fine() -> None:
    a = rg.array(1e10 * np.eye(40) + 1e8)
    sign, logarithm = np.linalg.slogdet(a)
    assert sign == 1.0
    logarithm.backward()
    np.testing.assert_allclose(a.grad, np.linalg.inv(a.value).T, rtol=1e-12)


def test_repeated_eigenvalues_have_derivatives_of_their_sum() -> None:
    a = rg.array(np.eye(3))
    w = np.linalg.eigvalsh(a)
    w.sum().backward()
    np.testing.assert_allclose(a.grad, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda a: np.linalg.svd(a), "full_matrices=False"),
        (lambda a: np.linalg.qr(a, "complete"), "'reduced' and 'r'"),
        (lambda a: np.linalg.qr(np.transpose(a)), "as many rows as columns"),
    ],
)
def test_what_has_no_derivative_is_refused_with_the_cure(function: Callable[[Any], Any], names: str) -> None:
    a = rg.array(np.ones((3, 2)))
    with pytest.raises(rg.NodeTypeError, match=names):
        function(a)


def test_rg_linalg_takes_lists_of_nodes_and_plain_numbers() -> None:
    x, y = rg.variables(2.0, 4.0)
    determinant = rg.linalg.det([[x, 1.0], [0.5, y]])
    determinant.backward()
    assert (determinant.value, x.grad, y.grad) == pytest.approx((7.5, 4.0, 2.0))


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "solve": (MATRIX, RIGHT),
    "lstsq": (MATRIX, RIGHT, None),
    "matrix_power": (MATRIX, 3),
    "multi_dot": ([MATRIX, MATRIX, RIGHT],),
    "cholesky": (MATRIX @ MATRIX.T,),
}


@pytest.mark.parametrize("name", [name for name in rg.linalg.__all__ if hasattr(np.linalg, name)])
def test_functions_of_rg_linalg_give_numpys_results_for_plain_numbers(name: str) -> None:
    arguments = ARGUMENTS.get(name, (MATRIX,))
    ours, theirs = (getattr(module, name)(*arguments) for module in (rg.linalg, np.linalg))
    if not isinstance(theirs, tuple):
        ours, theirs = (ours,), (theirs,)
    for mine, known in zip(ours, theirs, strict=True):
        assert not isinstance(mine, (rg.Array, rg.Node))
        np.testing.assert_array_equal(mine, known)


@pytest.mark.parametrize("function", [lambda a: np.linalg.eigh(a)[1][0, 0], lambda a: np.linalg.svd(a)[0][0, 0]])
def test_vectors_that_are_not_determined_have_no_derivative_and_no_warning(function: Callable[[Any], Any]) -> None:
    a = rg.array(np.eye(3))
    function(a).backward()
    assert not np.all(np.isfinite(a.grad))


def test_detect_anomaly_names_the_function_and_the_line_that_called_it() -> None:
    a = rg.array(np.ones((2, 2)))
    with rg.detect_anomaly():
        with pytest.raises(rg.AnomalyError, match=r"'slogdet' \(value -inf, recorded at .*test_array_linalg\.py"):
            np.linalg.slogdet(a)
        with pytest.raises(rg.AnomalyError, match=r"'div' .*recorded at .*test_array_linalg\.py"):
            np.corrcoef(a)


@pytest.mark.parametrize("name", ONE_BLOCK)
def test_what_nothing_holds_is_collected_with_its_derivative(name: str) -> None:
    a = rg.array(MATRIX)
    a.tape.collect()
    before = a.tape.stats()
    for _ in range(3):
        ONE_BLOCK[name](a)
    a.tape.collect()
    after = a.tape.stats()
    assert (after["blocks"], after["operators"]) == (before["blocks"], before["operators"])


# --- In what becomes a Program: second derivatives and compiled functions

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "det": np.linalg.det,
    "slogdet": lambda a: np.linalg.slogdet(a)[1] * np.linalg.slogdet(a)[0],
    "inv": lambda a: (np.linalg.inv(a) ** 2).sum(),
    "solve": lambda a: np.linalg.solve(a, RIGHT).sum(),
    "solve of columns": lambda a: (np.linalg.solve(a, a @ a.T) ** 2).sum(),
    "solve of a batch": lambda a: (np.linalg.solve(np.stack([a, a + np.eye(3)]), np.stack([a, a])) ** 2).sum(),
    "cholesky": lambda a: (np.linalg.cholesky(a @ np.transpose(a)) ** 3).sum(),
    "cumsum": lambda a: (np.cumsum(a, axis=0) ** 3).sum(),
    "matrix power": lambda a: np.linalg.matrix_power(a, -2).sum(),
    "norm": lambda a: np.linalg.norm(a, axis=0).prod(),
    "einsum": lambda a: np.einsum("ij,jk,kl->", a, a, a),
    "std": lambda a: np.std(a, axis=0).sum(),
    "tril": lambda a: (np.tril(a) ** 3).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_are_those_of_differences(name: str) -> None:
    function = FUNCTIONS[name]
    point = MATRIX.ravel()

    def gradient(numbers: np.ndarray) -> np.ndarray:
        a = rg.array(numbers.reshape(3, 3))
        function(a).backward()
        return a.grad.ravel()

    step = 1e-5
    expected = [(gradient(point + h) - gradient(point - h)) / (2.0 * step) for h in step * np.eye(9)]
    found = rg.hessian(lambda p: function(rg.asarray(p).reshape(3, 3)))(point)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.max(np.abs(expected)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_functions_have_the_values_and_gradients_of_eager_ones(name: str) -> None:
    function = FUNCTIONS[name]
    compiled = rg.compile(lambda p: function(rg.asarray(p).reshape(3, 3)))
    rng = np.random.default_rng(3)
    for _ in range(3):
        point = (MATRIX + 0.2 * rng.normal(size=(3, 3))).ravel()
        a = rg.array(point.reshape(3, 3))
        y = function(a)
        y.backward()
        assert compiled(point) == pytest.approx(y.value, rel=1e-11)
        np.testing.assert_allclose(rg.grad(compiled)(point), a.grad.ravel(), rtol=1e-9, atol=1e-11)


def test_a_derivative_of_an_argument_that_is_a_node_goes_through_linear_algebra() -> None:
    """The inner gradient becomes a Program although it is the only derivative that is asked for."""
    x = rg.Node(2.0)
    slope = rg.grad(lambda t: rg.linalg.det([[t, 1.0], [1.0, t * t]]))(x * 1.0)
    slope.backward()
    assert (slope.value, x.grad) == pytest.approx((12.0, 12.0))


def test_a_compiled_function_of_a_matrix_may_use_numpys_linear_algebra_as_it_is() -> None:
    def f(m: Any) -> Any:
        sign, logarithm = np.linalg.slogdet(m)
        x = np.linalg.solve(m, m @ RIGHT + np.linalg.inv(m)[0])
        return (
            np.linalg.det(m)
            + logarithm * sign
            + np.sum(x * x)
            + np.sum(np.linalg.cholesky(m @ m.T))
            + np.linalg.cond(m, 1)
        )

    compiled = rg.compile(f)
    assert compiled(MATRIX) == pytest.approx(f(MATRIX), rel=1e-12)
    a = rg.array(MATRIX)
    f(a).backward()
    np.testing.assert_allclose(rg.grad(compiled)(MATRIX), a.grad, rtol=1e-9)


TALL, WIDE, STACKED = MATRIX[:, :2], MATRIX[:2], np.stack([MATRIX[:, :2], MATRIX[::-1, 1:]])
IN_TRACES: dict[str, tuple[Any, np.ndarray]] = {
    "qr": (lambda m: np.linalg.qr(m)[0], MATRIX),
    "r": (lambda m: np.linalg.qr(m, "r"), MATRIX),
    "qr, tall": (lambda m: np.linalg.qr(m)[0] @ np.linalg.qr(m)[1] ** 2, TALL),
    "qr, reduced already": (lambda m: np.linalg.qr(m)[0] + np.linalg.qr(m)[1], np.triu(MATRIX)),
    "qr, many": (lambda m: np.linalg.qr(m)[0], STACKED),
    "pinv": (np.linalg.pinv, MATRIX),
    "pinv, tall": (np.linalg.pinv, TALL),
    "pinv, wide": (np.linalg.pinv, WIDE),
    "pinv, many": (np.linalg.pinv, STACKED),
    "lstsq": (lambda m: np.linalg.lstsq(m, MATRIX[2], rcond=None)[0], MATRIX),
    "lstsq, tall": (lambda m: np.linalg.lstsq(m, MATRIX[2], rcond=None)[0], TALL),
    "lstsq, residuals": (lambda m: np.linalg.lstsq(m, m[:, ::-1] ** 2, rcond=None)[1], TALL),
    "lstsq, wide": (lambda m: np.linalg.lstsq(m, MATRIX[:2], rcond=None)[0], WIDE),
    "slogdet": (lambda m: np.linalg.slogdet(m * 1e150)[1] - np.linalg.slogdet(m)[0], MATRIX),
}


@pytest.mark.parametrize("name", IN_TRACES)
def test_in_a_trace_they_are_what_they_are_elsewhere(name: str) -> None:
    function, x = IN_TRACES[name]
    weights = np.random.default_rng(1).normal(size=np.shape(function(x)))
    total = lambda m: np.sum(function(rg.asarray(m)) * weights)  # noqa: E731
    a = rg.array(x)
    total(a).backward()
    compiled = rg.compile(total)
    assert compiled(x) == pytest.approx(np.sum(function(x) * weights), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(compiled.grad(x), a.grad, rtol=1e-10, atol=1e-11)
    slope = lambda m: rg.grad(total)(m)  # noqa: E731
    step = np.random.default_rng(2).normal(size=x.shape)
    if "already" not in name:  # where signs turn beside it
        h = 1e-5
        across = (slope(x + h * step) - slope(x - h * step)) / (2.0 * h)
        np.testing.assert_allclose(rg.hvp(total, (x,), (step,)), across, rtol=1e-6, atol=1e-6)


def test_least_squares_in_a_trace_take_the_rank_for_full() -> None:
    found = rg.compile(lambda m: tuple(np.linalg.lstsq(m, MATRIX[2], rcond=None)))(TALL)
    assert found[2] == 2
    assert np.isnan(found[3]).all()
    with pytest.raises(rg.LengthError, match="lstsq: a of shape"):
        rg.compile(lambda m: np.linalg.lstsq(m, MATRIX[2, :2], rcond=None)[0])(TALL)


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_decompositions_in_a_trace_are_refused_by_name(name: str) -> None:
    compiled = rg.compile(lambda p: getattr(np.linalg, name)(rg.asarray(p).reshape(2, 2))[0].sum())
    with pytest.raises(rg.TraceError, match=f"{name}.*cholesky, det, inv, lstsq, pinv, qr, slogdet and solve"):
        compiled(np.ones(4))

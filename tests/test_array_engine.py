"""Arrays and the tape: what is recorded in bulk lives, goes and differentiates like what is recorded one by one."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])
W = np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.75]])

# Functions of (x, w) of shapes (2, 3) and (3, 2), written so that they take Arrays and arrays of Nodes alike.
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "product": lambda x, w: ((x @ w) ** 2).sum(),
    "elements": lambda x, w: (x * w.T - x / (w.T * w.T + 2.0)).sum(),
    "bias along rows": lambda x, w: ((x + w[:, 0]) * x).sum(),
    "bias along columns": lambda x, w: ((x - x[:, :1]) * w.T).sum(),
    "sum over columns": lambda x, w: (x.sum(axis=0) ** 3 * w[:, 1]).sum(),
    "sum over rows": lambda x, w: (x.sum(axis=1) * w[0]).sum(),
    "gathered": lambda x, w: (x[[1, 0, 1], [2, 2, 0]] * w[[0, 0, 2], 1]).sum(),
    "one element": lambda x, w: x[1, 2] * w[2, 1] + x[0, 0],
    "the same entry many times": lambda x, w: (x[0, 0] * w * w).sum() + (w * x[1, 1]).sum(),
    "reversed": lambda x, w: (x[:, ::-1] * w.T).sum(),
    "vector times matrix": lambda x, w: (x[0] @ w).sum() * (x[1] @ w[:, 1]),
}


def _of_nodes(values: Any) -> tuple[Any, list[Any]]:
    nodes = list(rg.variables(*np.ravel(values).tolist()))
    array = np.empty(len(nodes), object)
    array[:] = nodes
    return array.reshape(np.shape(values)), nodes


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_array_function_has_the_value_and_the_gradient_of_scalar_code(name: str) -> None:
    function = FUNCTIONS[name]
    with rg.Tape():
        x, x_nodes = _of_nodes(X)
        w, w_nodes = _of_nodes(W)
        expected = function(x, w)
        expected.backward()
    with rg.Tape():
        a, b = rg.array(X), rg.array(W)
        result = function(a, b)
        result.backward()
        assert result.value == pytest.approx(expected.value, rel=1e-13)
        np.testing.assert_allclose(a.grad.ravel(), [n.grad for n in x_nodes], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(b.grad.ravel(), [n.grad for n in w_nodes], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_survive_a_collection_between_recording_and_sweep(name: str) -> None:
    function = FUNCTIONS[name]
    with rg.Tape():
        a, b = rg.array(X), rg.array(W)
        function(a, b).backward()
        expected = a.grad, b.grad
    with rg.Tape() as tape:
        rubbish = rg.array(np.ones(7))
        a, b = rg.array(X), rg.array(W)
        (rubbish * 2.0).sum()
        result = function(a, b)
        (rubbish * 3.0).sum()
        del rubbish
        assert tape.collect() > 0
        result.backward()
        np.testing.assert_array_equal(a.grad, expected[0])
        np.testing.assert_array_equal(b.grad, expected[1])
        np.testing.assert_array_equal(a.value, X)


def test_what_no_array_holds_is_freed() -> None:
    with rg.Tape() as tape:
        a = rg.array(np.arange(5.0))
        y = (a * 2.0)[1:3] + 1.0
        for _ in range(10):
            (a * a).sum()
        tape.collect()
        assert len(tape) == 7  # the product, which lives as a whole, and the sum
        np.testing.assert_array_equal(y.value, [3.0, 5.0])
        del y
        tape.collect()
        assert tape.stats()["operators"] == 0
        assert tape.stats()["blocks"] == 0
        assert tape.stats()["arrays"] == 1
        del a
        tape.collect()
        assert tape.stats()["variables"] == 0


def test_a_training_loop_of_arrays_runs_in_bounded_memory() -> None:
    with rg.Tape() as tape:
        w = rg.array(np.full((8, 8), 0.1))
        x = np.linspace(-1.0, 1.0, 64).reshape(8, 8)
        largest = 0
        for _ in range(3000):
            loss = (((x @ w).tanh() @ w - x) ** 2).mean()
            w.zero_grad()
            loss.backward()
            w.value -= 0.1 * w.grad
            largest = max(largest, tape.stats()["bytes_committed"])
        assert tape.stats()["collections"] > 0
        assert largest < 50_000_000
        assert float(loss.value) < 0.4


def test_a_view_after_a_rewind_is_stale() -> None:
    with rg.Tape() as tape:
        a = rg.array([1.0, 2.0, 3.0])
        with tape.scope():
            y = a * 2.0
            part = y[1:]
            node = y[0]
        for read in (
            lambda: y.value,
            lambda: part.grad,
            lambda: part + 1.0,
            lambda: y.backward(np.ones(3)),
            lambda: y @ a,
            lambda: y[0],
            lambda: node.value,
            lambda: np.concatenate([a, part]),
        ):
            with pytest.raises(rg.StaleNodeError, match="no longer on its tape"):
                read()
        assert repr(y) == "Array(stale, shape=(3,))"
        np.testing.assert_array_equal((a + 1.0).value, [2.0, 3.0, 4.0])
        assert tape.stats()["blocks"] == 1


def test_an_array_from_before_a_mark_stays_and_one_partly_after_it_is_stale() -> None:
    with rg.Tape() as tape:
        a = rg.array([1.0, 2.0])
        mark = tape.mark()
        b = rg.array([3.0])
        both = np.concatenate([a, b])
        tape.rewind(mark)
        np.testing.assert_array_equal(a.value, [1.0, 2.0])
        with pytest.raises(rg.StaleNodeError):
            both.value  # noqa: B018
        with pytest.raises(rg.StaleNodeError):
            b.value = [1.0]


def test_absolute_zero_holds_in_blocks() -> None:
    x = rg.array([-1.0, 0.0, 4.0])
    rg.where(x.value > 0.0, rg.sqrt(x), 1.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.0, 0.25])

    x = rg.array([0.0, 2.0])
    (rg.log(x) * np.array([0.0, 1.0])).sum()
    rg.where([False, True], rg.log(x), 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.5])


def test_absolute_zero_holds_in_products_and_reductions() -> None:
    x = rg.array([0.0, 2.0])
    roots = rg.sqrt(x)  # the partial at 0 is infinite
    (np.array([[0.0, 3.0]]) @ roots).sum().backward()
    np.testing.assert_array_equal(x.grad, [0.0, 3.0 * 0.5 / np.sqrt(2.0)])

    x = rg.array([[0.0, 4.0], [0.0, 9.0]])
    rg.sqrt(x).sum(axis=0).backward([0.0, 1.0])
    np.testing.assert_array_equal(x.grad, [[0.0, 0.25], [0.0, 1.0 / 6.0]])


def test_detect_anomaly_names_the_operator_and_the_line_of_a_block() -> None:
    with rg.Tape() as tape:
        x = rg.array([1.0, -1.0])
        with rg.detect_anomaly(), pytest.raises(rg.AnomalyError, match=r"'log' \(value nan.*test_array_engine.py"):
            rg.log(x)
        assert len(tape) == 0
        assert tape.stats()["blocks"] == 0
        with rg.detect_anomaly():
            y = rg.sqrt(rg.array([0.0, 1.0])).sum()
            with pytest.raises(rg.AnomalyError, match=r"'sqrt' .*passes on an adjoint that is not finite"):
                y.backward()


def test_backward_from_an_element_in_the_middle_of_a_block() -> None:
    x = rg.array([1.0, 2.0, 3.0, 4.0])
    y = x * x
    y[1].backward()
    np.testing.assert_array_equal(x.grad, [0.0, 4.0, 0.0, 0.0])
    np.testing.assert_array_equal(y.grad, [0.0, 1.0, 0.0, 0.0])
    (y[2] * 2.0).backward()
    np.testing.assert_array_equal(x.grad, [0.0, 4.0, 12.0, 0.0])


def test_backward_adds_to_variables_and_overwrites_intermediates() -> None:
    x = rg.array([1.0, 2.0])
    y = x * 3.0
    z = (y * y).sum()
    z.backward()
    z.backward()
    np.testing.assert_array_equal(x.grad, [36.0, 72.0])
    np.testing.assert_array_equal(y.grad, [6.0, 12.0])
    x.zero_grad()
    np.testing.assert_array_equal(x.grad, [0.0, 0.0])


def test_setting_values_of_variables_does_not_change_what_was_recorded() -> None:
    x, w = rg.array([[1.0, 2.0]]), rg.array([[3.0], [4.0]])
    y = (x @ w)[0, 0] + (x * x).sum()
    x.value = [[10.0, 20.0]]
    w.value = 0.0
    y.backward()
    np.testing.assert_array_equal(x.grad, [[5.0, 8.0]])
    np.testing.assert_array_equal(w.grad, [[1.0], [2.0]])
    with pytest.raises(rg.VariableError, match=r"only variables.*rg|reelgrad\.array"):
        (x * 2.0).value = 1.0


def test_shapes_too_large_for_the_tape_are_refused_and_leave_it_as_it_was() -> None:
    tape = rg.Tape(limit=1000)
    a = tape.array(np.ones(400))
    y = a * 2.0
    before = tape.stats()
    for grow in (
        lambda: a[:, None] * a,
        lambda: np.ones((40, 400)) + a,
        lambda: a[:, None] @ a[None, :],
        lambda: rg.zeros((1 << 40,)),
        lambda: tape.array(np.ones(601)),
    ):
        with pytest.raises(MemoryError):
            grow()
    after = tape.stats()
    assert {k: after[k] for k in ("operators", "variables", "blocks")} == {
        k: before[k] for k in ("operators", "variables", "blocks")
    }
    y.sum().backward()
    np.testing.assert_array_equal(a.grad, np.full(400, 2.0))


def test_arrays_of_two_tapes_and_of_another_thread_are_refused() -> None:
    a = rg.Tape().array([1.0])
    b = rg.Tape().array([1.0])
    with pytest.raises(rg.TapeMismatchError):
        a + b
    with pytest.raises(rg.TapeMismatchError):
        np.concatenate([a, b])


def test_a_tape_outlives_its_object_while_an_array_lives() -> None:
    a = rg.Tape().array([1.0, 2.0])
    gc.collect()
    y = (a * a).sum()
    y.backward()
    np.testing.assert_array_equal(a.grad, [2.0, 4.0])


def test_a_rule_records_its_value_and_differentiates_as_it_says() -> None:
    def inverse(a: Any) -> Any:
        value = np.linalg.inv(a.value)
        return rg._core._array_rule("inv", [a], value, lambda g: (-value.T @ g @ value.T,))

    matrix = np.array([[2.0, 1.0], [0.5, 3.0]])
    a = rg.array(matrix)
    weights = np.array([[1.0, -2.0], [0.5, 4.0]])
    (inverse(a.T) * weights).sum().backward()
    step = 1e-6
    for i in range(2):
        for j in range(2):
            shift = np.zeros((2, 2))
            shift[i, j] = step
            up, down = (np.sum(np.linalg.inv((matrix + s).T) * weights) for s in (shift, -shift))
            assert a.grad[i, j] == pytest.approx((up - down) / (2 * step), rel=1e-8)


def test_a_rule_that_raises_leaves_gradients_as_they_were() -> None:
    a = rg.array([1.0, 2.0])
    (a * a).sum().backward()

    def fail(g: Any) -> Any:
        raise ZeroDivisionError("the rule's own")

    y = rg._core._array_rule("broken", [a], np.array([1.0]), fail)
    with pytest.raises(ZeroDivisionError):
        (y.sum() + a.sum()).backward()
    np.testing.assert_array_equal(a.grad, [2.0, 4.0])
    (a * 1.0).sum().backward()
    np.testing.assert_array_equal(a.grad, [3.0, 5.0])


def test_rules_go_with_their_blocks() -> None:
    with rg.Tape() as tape:
        a = rg.array([1.0, 2.0])

        class Told:
            def __call__(self, g: Any) -> Any:
                return (g,)

            def __del__(self) -> None:
                gone.append(len(tape))

        gone: list[int] = []
        with tape.scope():
            rg._core._array_rule("identity", [a], np.array([1.0, 2.0]), Told().__call__)
        assert gone == [0]
        rg._core._array_rule("identity", [a], np.array([1.0, 2.0]), Told().__call__)
        tape.collect()
        assert gone == [0, 0]


def test_forward_and_second_derivatives_go_through_blocks() -> None:
    def f(p: Any) -> Any:
        x = rg.asarray(p)
        return (rg.exp(x[:2]) * x[1:]).sum() + (x @ x)

    point = [0.5, -1.0, 2.0]
    p = np.array(point)
    e = np.exp(p[:2])
    slope = np.array([e[0] * p[1], e[0] + e[1] * p[2], e[1]]) + 2.0 * p
    np.testing.assert_allclose(rg.grad(f)(point), slope, rtol=1e-13)
    curvature = np.array([[e[0] * p[1], e[0], 0.0], [e[0], e[1] * p[2], e[1]], [0.0, e[1], 0.0]]) + 2.0 * np.eye(3)
    np.testing.assert_allclose(rg.hessian(f)(point), curvature, rtol=1e-12, atol=1e-14)
    direction = [1.0, -2.0, 0.5]
    value, tangent = rg.jvp(f, (point,), (direction,))
    assert tangent == pytest.approx(float(slope @ direction), rel=1e-13)
    assert value == pytest.approx(float(np.sum(e * p[1:]) + p @ p), rel=1e-13)


def test_the_tape_takes_arrays_as_outputs_and_as_inputs() -> None:
    with rg.Tape() as tape:
        a, c = rg.array([[1.0, 2.0], [3.0, 4.0]]), rg.variable(2.0)
        y = a * a * c
        total = y.sum()
        np.testing.assert_array_equal(tape.gradient(total, a), 4.0 * a.value)
        by_a, by_c = tape.gradient([y, total], [a, c], [np.eye(2), 1.0])
        np.testing.assert_array_equal(by_a, 4.0 * a.value * (1.0 + np.eye(2)))
        assert by_c == 30.0 + 17.0
        tape.backward(y, [[1.0, 0.0], [0.0, 0.0]])
        np.testing.assert_array_equal(a.grad, [[4.0, 0.0], [0.0, 0.0]])
        with pytest.raises(rg.LengthError, match="only one number has a gradient"):
            tape.gradient(y, a)
        with pytest.raises(rg.LengthError, match="2 outputs need as many seeds, not 1"):
            tape.backward([total, total], [1.0])

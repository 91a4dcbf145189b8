"""Compiled functions where it is easily got wrong: constants, nan, empty batches, errors, wrong use."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from test_compile import piecewise


def test_a_constant_and_an_argument_that_does_not_matter_have_gradient_0() -> None:
    assert rg.compile(lambda x: 3.0).value_and_grad(1.0) == (3.0, 0.0)
    assert rg.compile(lambda x, y: y * 2).value_and_grad(1.0, 4.0) == (8.0, 0.0)
    value, gradient = rg.compile(lambda w, x: 3.0, in_axes=(None, 0), reduce="sum").value_and_grad(1.0, np.ones(4))
    assert (value, gradient) == (12.0, 0.0)
    each = rg.compile(lambda w, x: w, in_axes=(None, 0))
    np.testing.assert_array_equal(each(2.0, np.ones(3)), [2.0, 2.0, 2.0])
    value, gradient = each.value_and_grad(2.0, np.ones(3), argnums=1)
    np.testing.assert_array_equal(gradient, np.zeros(3))


def test_nan_inputs_propagate() -> None:
    x = np.array([1.0, np.nan, 2.0])
    f = rg.compile(lambda x: rg.sin(x) * x, in_axes=0)
    value, gradient = f.value_and_grad(x)
    assert np.isnan(value).tolist() == np.isnan(gradient).tolist() == [False, True, False]
    total = rg.compile(lambda w, x: w * x, in_axes=(None, 0), reduce="sum")
    assert all(math.isnan(number) for number in total.value_and_grad(1.0, x))


def test_a_branch_not_taken_does_not_poison_the_gradient() -> None:
    x = np.array([-1.0, 0.0, 4.0])
    f = rg.compile(lambda x: rg.where(x > 0, rg.sqrt(x), 0.0), in_axes=0)
    _, gradient = f.value_and_grad(x)
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 0.25])
    total = rg.compile(lambda w, x: rg.where(x > 0, rg.sqrt(x * w), 0.0), in_axes=(None, 0), reduce="sum")
    assert total.value_and_grad(1.0, x) == (2.0, 1.0)


def test_an_empty_batch_sums_to_0_and_has_no_mean() -> None:
    def f(w: Any, x: Any) -> Any:
        return w * x

    empty = np.empty(0)
    assert rg.compile(f, in_axes=(None, 0), reduce="sum").value_and_grad(1.0, empty) == (0.0, 0.0)
    assert rg.compile(f, in_axes=(None, 0))(1.0, empty).shape == (0,)
    with pytest.raises(rg.LengthError, match="no mean"):
        rg.compile(f, in_axes=(None, 0), reduce="mean")(1.0, empty)


def test_a_function_that_raises_raises_its_own_error_and_can_be_called_again() -> None:
    fail = True

    def f(x: Any) -> Any:
        if fail:
            raise LookupError("mine")
        return x * 2

    compiled = rg.compile(f)
    with pytest.raises(LookupError, match="mine") as raised:
        compiled(1.0)
    assert raised.traceback[-1].name == "f"
    fail = False
    assert compiled(1.0) == 2.0


def test_too_many_paths_tell_the_lines_and_the_cure() -> None:
    f = rg.compile(lambda x: sum(max(0, x - k) for k in range(100)), in_axes=0, max_paths=8)
    with pytest.raises(rg.PathsError, match=r"rg\.relu") as raised:
        f(np.linspace(0.5, 99.5, 100))
    assert "test_compile_pitfalls.py" in str(raised.value)
    assert f(np.array([0.5]))[0] == 0.5  # what is known still runs


def test_what_would_be_frozen_raises_with_the_cure() -> None:
    w = rg.Node(2.0)
    with pytest.raises(rg.TapeMismatchError, match="argument"):
        rg.compile(lambda x: x * w)(1.0)
    with pytest.raises(rg.TraceError, match="stop_gradient"):
        rg.compile(lambda x: x * x.value)(1.0)
    with pytest.raises((rg.TraceError, TypeError)):
        rg.compile(lambda x: math.sin(x))(1.0)
    assert rg.compile(lambda x: x * rg.stop_gradient(x)).value_and_grad(3.0) == (9.0, 3.0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda f: f(1.0, np.ones(3), np.ones(4)), rg.LengthError, "4 samples along axis 0"),
        (lambda f: f(1.0, [1.0, 2.0], np.ones(2)), rg.LengthError, "numpy.asarray"),
        (lambda f: f(1.0, np.ones(3)), rg.LengthError, "3 arguments"),
        (lambda f: f(1.0, np.array(1.0), np.ones(1)), rg.LengthError, "0 dimensions"),
        (lambda f: f(object(), np.ones(3), np.ones(3)), rg.StructureError, "argument 0"),
        (lambda f: f(1.0, np.ones(3) * 1j, np.ones(3)), rg.StructureError, "complex"),
        (lambda f: f(1.0, np.ones(3), np.ones(3), threads=0), rg.SettingError, "at least 1"),
        (lambda f: f(1.0, np.ones(3), np.ones(3), threads="all"), rg.NodeTypeError, "whole number"),
        (lambda f: f.grad(1.0, np.ones(3), np.ones(3), argnums=3), rg.SettingError, "argnums"),
        (lambda f: f.grad(w=1.0), TypeError, "w"),
    ],
    ids=["lengths", "lists", "count", "0-d", "object", "complex", "threads", "threads type", "argnums", "keyword"],
)
def test_wrong_use_says_what_and_how(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call(rg.compile(lambda w, x, t: w * x - t, in_axes=(None, 0, 0), reduce="sum"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"reduce": "max", "in_axes": 0}, "'sum', 'mean' or None"),
        ({"reduce": "mean"}, "needs in_axes"),
        ({"max_paths": 0}, "max_paths"),
        ({"threads": 0}, "threads"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(rg.SettingError, match=says):
        rg.compile(lambda x: x, **settings)


def test_a_gradient_needs_a_number() -> None:
    with pytest.raises(rg.StructureError, match="Jacobian"):
        rg.compile(lambda x: [x, x]).value_and_grad(1.0)
    with pytest.raises(rg.StructureError, match=r"shape \(2,\)"):
        rg.compile(lambda x: x).value_and_grad(np.ones(2))
    with pytest.raises(rg.SettingError, match="static"):
        rg.compile(lambda x, n: x, static_argnums=1).grad(1.0, 2, argnums=1)
    with pytest.raises(rg.SettingError, match="not been traced"):
        rg.compile(lambda x: x).program  # noqa: B018


def test_several_threads_may_call_one_function() -> None:
    compiled = rg.compile(piecewise, in_axes=0, reduce="sum")
    rng = np.random.default_rng(7)
    x, y = rng.normal(0, 2, 5000), rng.normal(0, 2, 5000)
    expected = rg.compile(piecewise, in_axes=0, reduce="sum").value_and_grad(x, y, argnums=(0, 1))
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(compiled.value_and_grad(x, y, argnums=(0, 1)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for value, (by_x, by_y) in found:
        assert value == expected[0]
        np.testing.assert_array_equal(by_x, expected[1][0])
        np.testing.assert_array_equal(by_y, expected[1][1])


def test_a_compiled_method_gets_its_instance() -> None:
    class Model(rg.nn.Module):
        def __init__(self) -> None:
            self.w = rg.Node(2.0)

        @rg.compile
        def double(self, x: Any) -> Any:
            return self.w * x

    assert Model().double(3.0) == 6.0


def test_it_looks_like_the_function_it_was_made_of() -> None:
    compiled = rg.compile(piecewise)
    assert compiled.__name__ == "piecewise"
    assert repr(compiled) == "<compiled piecewise: 0 paths>"
    compiled(1.0, 2.0)
    assert repr(compiled) == "<compiled piecewise: 1 paths>"
    assert "def" not in str(compiled.program)
    assert compiled.value_and_grad.__name__ == "_value_and_grad"

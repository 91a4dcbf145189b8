"""Traces of functions: the Program computes what the function does, whatever its arguments and results are built of."""

from __future__ import annotations

import functools
import linecache
import random
import re
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from traced import computed, outputs, same

Point = namedtuple("Point", "x y")


# --- What a function computes


def horner(x: Any, c: Any) -> Any:
    total = 0.0
    for k in reversed(range(len(c))):
        total = total * x + c[k]
    return total


def mlp(params: Any, x: Any) -> Any:
    h = np.tanh(params["w1"] @ x + params["b1"])
    return params["w2"] @ h + params["b2"]


def recursive(x: Any, n: int = 12) -> Any:
    return x if n == 0 else rg.sin(recursive(x, n - 1)) + x


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a number": (lambda x: x * x + 1.0, (0.5,)),
    "itself": (lambda x: x, (0.5,)),
    "two numbers": (lambda x, y: rg.pow(x, y) - y / x, (0.5, -1.5)),
    "an int": (lambda n: n + 1, (3,)),
    "NumPy's scalars": (lambda a, b: a * b, (np.float32(0.5), np.int64(3))),
    "a list": (horner, (0.5, [1.0, 2.0, 3.0])),
    "a tuple": (horner, (0.5, (1.0, 2.0, 3.0))),
    "an array": (horner, (0.5, np.array([1.0, 2.0, 3.0]))),
    "a named tuple": (lambda p: Point(p.y, p.x), (Point(1.0, 2.0),)),
    "a dict of arrays": (
        mlp,
        ({"w1": np.full((3, 2), 0.5), "b1": np.arange(3.0), "w2": np.ones(3), "b2": 0.25}, np.array([1.0, -1.0])),
    ),
    "nested": (lambda t: {"sum": t[0]["a"] + t[1][0], "rest": [t[1]]}, (({"a": 1.0}, [2.0, 3.0]),)),
    "float32": (lambda a: a.sum(), (np.array([0.5, 0.25], np.float32),)),
    "integers": (lambda a: a.sum(), (np.array([1, 2, 3], np.int8),)),
    "bools": (lambda a: a.sum(), (np.array([True, False, True]),)),
    "an array of variables": (lambda a: a.sum(), (np.array([rg.Node(1.0), rg.Node(2.0)]),)),
    "a strided array": (lambda a: a @ np.arange(3.0), (np.arange(12.0)[::-2][:3],)),
    "Fortran order": (lambda a: a.ravel(), (np.asfortranarray(np.arange(6.0).reshape(2, 3)),)),
    "an empty array": (lambda a, x: a.sum() + x, (np.empty((0, 2)), 1.0)),
    "no numbers": (lambda a: 2.0, ([],)),
    "a static text": (lambda x, kind: rg.sin(x) if kind == "sin" else rg.cos(x), (0.5, "sin")),
    "a static bool": (lambda x, flag: -x if flag else x, (0.5, True)),
    "None": (lambda x, y: x if y is None else y, (0.5, None)),
    "static(...)": (lambda x, n: x**n, (0.5, rg.static(3))),
    "a constant": (lambda x: 3.0, (0.5,)),
    "constants among others": (lambda x: [1.0, x, np.array([2.0, 3.0]), "text", None], (0.5,)),
    "a loop": (lambda x: functools.reduce(lambda y, _: rg.sin(y) + x, range(50), x), (0.5,)),
    "recursion": (recursive, (0.5,)),
    "a generator": (lambda x: sum(x**k for k in range(5)), (0.5,)),
    "reductions": (lambda a: [rg.sum(a), rg.prod(a), rg.norm(a), rg.logsumexp(a), rg.dot(a, a)], ([1.0, -2.0, 0.5],)),
    "composites": (
        lambda a: [*rg.softmax(a), rg.cross_entropy(a, 1), rg.mse(a, a), rg.gelu(a[0])],
        ([1.0, -2.0, 0.5],),
    ),
    "operators": (lambda x: [abs(x), round(x), x // 0.3, x % 0.3, -x, +x, *divmod(x, 0.3)], (0.7,)),
    "fma and clip": (lambda x: rg.fma(x, 2.0, 1.0) + rg.clip(x, 0.0, x), (0.7,)),
    "where": (lambda x: rg.where((x > 0.0) & (x < 1.0), x, 0.0), (0.7,)),
    "an output twice": (lambda x: (x, x, [x]), (0.5,)),
    "a matrix": (lambda a: a @ a.T, (np.arange(6.0).reshape(2, 3),)),
    "an array made inside": (lambda x: np.array([x, x * x]), (0.5,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_program_computes_what_the_function_does(name: str) -> None:
    function, arguments = FUNCTIONS[name]
    traced = rg.trace(function, *arguments)
    plain = [np.array([1.0, 2.0]) if name == "an array of variables" else a for a in arguments]
    want = function(*[a.value if isinstance(a, rg.Static) else a for a in plain])
    assert same(computed(traced, *arguments), want)
    assert traced.guards == ()
    assert {rate for _, rate in traced.program.inputs} <= {"uniform"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tracing_twice_gives_the_same_program(name: str) -> None:
    function, arguments = FUNCTIONS[name]
    first, second = rg.trace(function, *arguments), rg.trace(function, *arguments)
    assert first.program == second.program
    assert first.result == second.result
    assert first.arguments == second.arguments


def test_the_program_holds_for_other_arguments() -> None:
    traced = rg.trace(horner, 0.5, [1.0, 2.0, 3.0])
    rng = random.Random(1)
    for _ in range(50):
        x, *c = (rng.uniform(-2.0, 2.0) for _ in range(4))
        assert computed(traced, x, c) == horner(x, c)


def test_a_function_of_the_standard_operators_needs_no_reelgrad() -> None:
    traced = rg.trace(lambda x: (x + 1) * 2 - x / 3 + x**2, 3)
    assert computed(traced, 7) == (7 + 1) * 2 - 7 / 3 + 7**2


# --- Names, rates, axes


def test_inputs_and_outputs_are_named_by_their_paths() -> None:
    def function(params: Any, x: Any, *rest: Any) -> Any:
        return {"y": params["w"][0] * x, "all": [x, rest[0]]}

    traced = rg.trace(function, {"w": np.ones((1, 2)), "b": [1.0]}, 2.0, 3.0)
    assert [name for name, _ in traced.program.inputs] == [
        "params['b'][0]",
        "params['w'][0, 0]",
        "params['w'][0, 1]",
        "x",
        "rest[0]",
    ]
    assert [name for name, _, _ in traced.program.outputs] == [
        "result['all'][0]",
        "result['all'][1]",
        "result['y'][0]",
        "result['y'][1]",
    ]


def test_functions_without_a_signature_have_numbered_arguments() -> None:
    assert rg.trace(rg.maximum, 1.0, 2.0).program.inputs == [("a", "uniform"), ("b", "uniform")]
    assert rg.trace(max, 1.0, 2.0).program.inputs == [("argument[0]", "uniform"), ("argument[1]", "uniform")]
    assert rg.trace(functools.partial(horner, c=[1.0, 2.0]), 1.0).program.inputs == [("x", "uniform")]


def test_in_axes_make_inputs_varying_and_the_sample_is_the_first() -> None:
    xs, m = np.arange(6.0).reshape(3, 2), np.arange(24.0).reshape(2, 3, 4)
    seen: list[str] = []

    def function(w: Any, x: Any, a: Any) -> Any:
        seen.append(f"{x} {a.shape} {a[0, 1]}")
        return w * x[0] + a.sum()

    traced = rg.trace(function, 2.0, xs, m, in_axes=(None, 0, -2))
    assert seen == ["[Node(0.0, traced) Node(1.0, traced)] (2, 4) Node(1.0, traced)"]
    assert [rate for _, rate in traced.program.inputs] == ["uniform"] + ["varying"] * 10
    assert [s.leaves[0].shape for s in traced.arguments] == [(), (2,), (2, 4)]


def test_in_axes_may_be_a_prefix_of_the_tree_or_one_for_all() -> None:
    tree = {"a": np.arange(3.0), "b": [np.arange(6.0).reshape(2, 3), 5.0]}
    traced = rg.trace(lambda t: t["a"] + t["b"][0].sum() + t["b"][1], tree, in_axes=({"a": 0, "b": [1, None]},))
    assert [rate for _, rate in traced.program.inputs] == ["varying", "varying", "varying", "uniform"]
    traced = rg.trace(lambda x, y: x * y, np.arange(3.0), np.arange(3.0), in_axes=0)
    assert [rate for _, rate in traced.program.inputs] == ["varying", "varying"]
    assert computed(traced, 3.0, 4.0) == 12.0


@pytest.mark.parametrize(
    ("arguments", "in_axes", "error", "says"),
    [
        ((np.ones((2, 3)),), (2,), ValueError, "argument 0 has axis 2 in in_axes, but it is an array of 2 dim"),
        ((np.ones(2),), (-2,), ValueError, "argument 0 has axis -2 in in_axes, but it is an array of 1 dim"),
        ((1.0, {"w": [1.0]}), (None, 0), ValueError, r"argument 1\['w'\]\[0\] has axis 0 in in_axes, but it is a n"),
        ((np.ones(2), np.ones(3)), (0, 0), ValueError, "1 has 3 samples along axis 0, but argument 0, axis 0 has 2"),
        ((np.ones(2), 1.0), (0,), ValueError, r"in_axes is \(0,\), for 1 arguments, but the function got 2"),
        ((np.ones(2), 1.0), {"x": 0}, ValueError, "in_axes: got {'x': 0}, but an int, None, or a tuple"),
        ((np.ones(2),), (True,), TypeError, "an axis is an int"),
        ((np.ones(2),), ("0",), TypeError, "an axis is an int"),
        (([np.ones(2)],), ({"a": 0},), TypeError, "does not fit its structure"),
    ],
)
def test_axes_that_do_not_fit_are_refused(arguments: Any, in_axes: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        rg.trace(lambda *args: 0.0, *arguments, in_axes=in_axes)
    assert isinstance(raised.value, rg.ReelgradError)
    with pytest.raises(error, match=says):
        rg.compile(lambda *args: 0.0, in_axes=in_axes)(*arguments)


def test_a_trace_needs_a_sample() -> None:
    with pytest.raises(rg.LengthError, match="no samples: one at least is needed to trace with"):
        rg.trace(lambda x: x, np.ones(0), in_axes=0)


def test_static_argnums_hand_arguments_over_as_they_are() -> None:
    thing = object()

    def function(x: Any, settings: Any, other: Any) -> Any:
        assert settings is thing
        assert other == {"n": 3}
        return x ** other["n"]

    traced = rg.trace(function, 2.0, thing, {"n": 3}, static_argnums=(1, -1))
    assert len(traced.program.inputs) == 1
    with pytest.raises(ValueError, match="static_argnums: 3 is no argument of a call with 1"):
        rg.trace(lambda x: x, 1.0, static_argnums=3)


def test_has_aux_needs_a_pair() -> None:
    traced = rg.trace(lambda x: (x * x, {"twice": 2.0 * x, "name": "n"}), 3.0, has_aux=True)
    assert computed(traced, 4.0) == (16.0, {"twice": 8.0, "name": "n"})
    with pytest.raises(rg.StructureError, match=r"has_aux.*float"):
        rg.trace(lambda x: 1.0, 3.0, has_aux=True)


def test_arguments_and_results_that_are_no_numbers_are_refused_with_their_path() -> None:
    with pytest.raises(rg.StructureError, match=re.escape("argument 0['w'][1]")):
        rg.trace(lambda p: 0.0, {"w": [1.0, 2j]})
    with pytest.raises(rg.StructureError, match=re.escape("result['y'][1]")):
        rg.trace(lambda x: {"y": [x, 2j]}, 1.0)
    with pytest.raises(rg.StructureError, match="result"):
        rg.trace(lambda x: (v for v in [x]), 1.0)


def test_a_condition_as_a_result_is_the_number_1_or_0() -> None:
    traced = rg.trace(lambda x: [x > 1.0, np.array([x < 1.0, x == 0.0])], 0.5)
    assert same(computed(traced, 0.5), [0.0, np.array([1.0, 0.0])])
    assert same(computed(traced, 2.0), [1.0, np.array([0.0, 0.0])])


# --- Modules


def test_a_module_is_traced_by_its_parameters_and_left_alone() -> None:
    random.seed(3)
    model = rg.nn.MLP(2, [3, 1], activation="tanh")
    before = [p.value for p in model.parameters()]

    def loss(net: Any, x: Any) -> Any:
        assert net is not model
        assert len(net.parameters()) == 13
        return net(x) + sum(p * p for p in net.parameters())

    traced = rg.trace(loss, model, [0.5, -0.25])
    assert len(traced.program.inputs) == 15
    assert [name for name, _ in traced.program.inputs][:3] == [
        f"net.layers[0].neurons[0].{w}" for w in ("w[0]", "w[1]", "b")
    ]
    want = model([0.5, -0.25]) + sum(p * p for p in model.parameters())
    assert outputs(traced.program, [*before, 0.5, -0.25]) == [want.value]
    assert [p.value for p in model.parameters()] == before
    assert all(p.tape is rg.current_tape() for p in model.parameters())


def test_a_module_closed_over_raises_and_says_what_to_do() -> None:
    model = rg.nn.MLP(2, [1])
    with pytest.raises(rg.TapeMismatchError, match=r"as an argument, or its \.value"):
        rg.trace(lambda x: model([x, 1.0]), 0.5)


class Line(rg.nn.Module):
    def __init__(self, slope: Any, offset: Any) -> None:
        self.slope, self.offset = slope, offset

    def __call__(self, x: Any) -> Any:
        return self.slope * x + self.offset


def test_a_module_made_of_what_was_computed_is_a_result_like_any_other() -> None:
    line = Line(rg.Node(2.0), rg.Node(-1.0))
    step = rg.compile(lambda model, rate: Line(model.slope - rate * model.slope, model.offset * model.slope))
    stepped = step(line, 0.25)
    assert (stepped.slope, stepped.offset) == (1.5, -2.0)
    assert (line.slope.value, line.offset.value) == (2.0, -1.0)
    assert stepped(2.0) == 1.0
    stepped = step(Line(rg.Node(4.0), rg.Node(1.0)), 0.5)
    assert (stepped.slope, stepped.offset) == (2.0, 4.0)
    assert len(step.programs) == 1
    many = rg.compile(lambda s: {"line": Line(s * 2.0, 7.0)}, in_axes=0)(np.array([1.0, 2.0]))["line"]
    assert many.slope.tolist() == [2.0, 4.0]
    slopes = rg.jacobian(lambda s: Line(s * s, s))(3.0)
    assert (slopes.slope, slopes.offset) == (6.0, 1.0)
    assert rg.jvp(lambda s: Line(s * s, s), (3.0,), (2.0,))[1].slope == 12.0
    aux = rg.value_and_grad(lambda s: (s * s, Line(s + 1.0, s)), has_aux=True)(3.0)[0][1]
    assert (aux.slope, aux.offset) == (4.0, 3.0)


def test_a_module_may_be_made_anew_and_differentiated_within_a_trace() -> None:
    def step(model: Any, x: Any) -> Any:
        slopes = rg.grad(lambda m: m(x) ** 2)(model)
        return Line(model.slope - 0.1 * slopes.slope, model.offset - 0.1 * slopes.offset)

    line = Line(rg.Node(2.0), rg.Node(-1.0))
    twice = rg.compile(lambda model, x: step(step(model, x), x))(line, 1.5)
    once = step(line, 1.5)
    expected = step(Line(rg.Node(once.slope.value), rg.Node(once.offset.value)), 1.5)
    assert (twice.slope, twice.offset) == pytest.approx((expected.slope.value, expected.offset.value), rel=1e-14)


# --- Guards


def test_guards_tell_their_line_and_its_text() -> None:
    def function(x: Any) -> Any:
        if x > 0.0:
            x = x + 1.0
        while x < 4.0:
            x = x * 2.0
        return max(x, 5.0)

    linecache.checkcache()
    traced = rg.trace(function, 1.0)
    first = function.__code__.co_firstlineno
    assert [(g.source, g.taken) for g in traced.guards] == [
        (f"{__file__}:{first + 1}", True),
        (f"{__file__}:{first + 3}", True),
        (f"{__file__}:{first + 3}", False),
        (f"{__file__}:{first + 5}", True),
    ]
    assert [g.text for g in traced.guards] == [
        "if x > 0.0:",
        "while x < 4.0:",
        "while x < 4.0:",
        "return max(x, 5.0)",
    ]
    assert traced.guards[0].place == f"test_tracing.py:{first + 1}"
    assert str(traced.guards[0]) == f"test_tracing.py:{first + 1}: if x > 0.0: (True)"
    assert [(source, taken) for source, taken in traced.program.guards] == [(g.source, g.taken) for g in traced.guards]
    assert computed(traced, 1.0) == 5.0


def test_a_guard_in_the_library_s_own_python_code_is_the_caller_s() -> None:
    def step(x: Any) -> Any:
        return x if x > 0.0 else -x

    neuron = rg.nn.Neuron(1, activation=step)
    traced = rg.trace(lambda n, x: n([x]), neuron, 1.0)
    assert traced.guards[0].text == "return x if x > 0.0 else -x"


def test_code_without_a_file_has_a_place_all_the_same() -> None:
    scope: dict[str, Any] = {}
    exec(compile("def f(x):\n    return 1.0 if x > 0.0 else x", "<nowhere>", "exec"), scope)
    traced = rg.trace(scope["f"], 1.0)
    assert traced.guards[0].source == "<nowhere>:2"
    assert traced.guards[0].text == ""
    assert computed(traced, 2.0) == 1.0


def test_forced_decisions_trace_the_other_path() -> None:
    def function(x: Any) -> Any:
        return x + 1.0 if x > 0.0 else x - 1.0

    traced = rg.trace(function, 1.0)
    (guard,) = traced.guards
    other = rg.trace(function, 1.0, forced=[(False, guard.source)])
    assert computed(other, -3.0) == -4.0
    assert [g.taken for g in other.guards] == [False]
    with pytest.raises(rg.TraceError, match="not pure"):
        rg.trace(function, 1.0, forced=[(False, "elsewhere.py:1")])
    with pytest.raises(rg.TraceError, match="branches 1 times, where it branched at least 2"):
        rg.trace(function, 1.0, forced=[(False, ""), (True, "")])

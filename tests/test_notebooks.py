"""What notebooks and shells show: HTML of each class, Programs as code, signatures, completion.

Code of a Program is executed and held against the Program; signatures against the stub.
"""

from __future__ import annotations

import ast
import html.parser
import importlib.util
import inspect
import json
import math
import re
import rlcompleter
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import _core
from reelgrad.show.reprs import loss_curve
from tape_state import unchanged
from test_passes import evaluated, forms, random_program


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


class Checked(html.parser.HTMLParser):
    """Collects text, and fails at tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag not in ("br",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def shown(thing: Any) -> str:
    """The text of the HTML, blanks made even."""
    page = Checked(thing._repr_html_())
    assert "script" not in page.tags
    return re.sub(r"\s+", " ", " ".join(page.texts))


# HTML


def test_a_node_shows_what_it_was_made_of() -> None:
    x = rg.variable(2.0, name="x")
    y = rg.sigmoid(x * -1.5)
    y.backward()
    text = shown(y)
    assert "Node(0.04742587317756679, grad=1.0)" in text
    assert "made by sigmoid(v0) , of 2 operators and 1 variable in all" in text
    assert "v0 -3 v1*(1 - v1) = 0.0451767" in text
    assert "Node(2.0, name='x', grad=" in shown(x)


def test_showing_a_node_changes_nothing() -> None:
    x = rg.variable(2.0)
    y = x * x
    y.backward()
    with unchanged(x, y):
        shown(x)
        shown(y)


def test_a_node_that_cannot_be_read_is_shown_by_its_repr() -> None:
    x = rg.variable(2.0)
    with x.tape.scope():
        gone = x * x
    assert "Node(stale)" in shown(gone)
    seen: list[str] = []
    rg.trace(lambda a: seen.append(shown(a * 2.0)) or a, 1.0)
    assert ", traced)" in seen[0]
    y = x * 3.0
    thread = threading.Thread(target=lambda: seen.append(shown(y)))
    thread.start()
    thread.join()
    assert "Node(6.0)" in seen[1]
    assert "made by" not in seen[1]


def test_names_are_escaped_in_html() -> None:
    x = rg.variable(1.0, name="<script>x</script>")
    assert "<script>" in shown(x)  # as text
    assert "<script>" in shown(x * 2.0)


def test_a_tape_shows_its_figures() -> None:
    x = rg.variable(1.0)
    y = rg.sum([x * 2.0, x * 3.0, x])
    text = shown(y.tape)
    assert "operations 3, of which 1 have more than two operands" in text
    assert "variables 1 Nodes alive 2" in text
    assert re.search(r"memory \d[\d.]* (bytes|KiB) in use, ", text)


def test_a_program_and_a_trace_show_code_and_branches() -> None:
    def f(w: Any, x: Any) -> Any:
        return w * x if x > 0.5 else rg.exp(x)

    traced = rg.trace(f, 2.0, 3.0)
    for thing in (traced, traced.program):
        text = shown(thing)
        assert "def program(w, x): assert x > 0.5 # " in text or "assert 0.5 < x # " in text
        assert "return (w*x,)" in text
    assert "test_notebooks.py" in shown(traced)
    assert "return w * x if x > 0.5 else rg.exp(x) True" in shown(traced)


def test_long_programs_are_cut() -> None:
    def f(x: Any, steps: int) -> Any:
        for _ in range(steps):
            x = rg.sin(x) * x
        return x

    medium, long = (rg.trace(lambda x, n=n: f(x, n), 1.0).program for n in (200, 5000))
    assert re.search(r"# \.\.\. \d+ lines", shown(medium))
    assert len(medium._repr_html_()) < 10_000
    assert "too long to be shown" in shown(long)


def test_a_compiled_function_shows_its_call_and_its_paths() -> None:
    @rg.compile(in_axes=(None, 0), reduce="mean")
    def loss(w: Any, x: Any) -> Any:
        return w * x if x > 0.5 else rg.exp(x)

    assert "not traced yet" in shown(loss)
    assert "loss(w: 'Any', x: 'Any') -> 'Any' in_axes (None, 0) reduce 'mean'" in shown(loss)
    loss(2.0, np.array([1.0, 0.0]))
    text = shown(loss)
    assert "path 0: " in text
    assert "path 1: " in text
    assert "1 branch" in text


def fitted(**settings: Any) -> rg.FitResult:
    loss = rg.compile(lambda w, x: (w - x) ** 2, in_axes=(None, 0), reduce="mean")
    return rg.fit(loss, 5.0, (np.linspace(0.0, 1.0, 8),), optimizer=rg.optim.SGD(0.1), epochs=40, **settings)


def test_a_fit_result_shows_losses_and_their_curve() -> None:
    result = fitted(validation=(np.linspace(0.0, 1.0, 3),))
    page = Checked(result._repr_html_())
    assert {"svg", "path", "table"} <= page.tags
    text = shown(result)
    assert f"loss {result.loss:.6g}" in text
    assert f"validation loss {result.validation[-1]:.6g}" in text
    assert "over 40 epochs, logarithmic scale" in text


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([1.0, 0.5], "linear"),
        ([1.0, 1.0], "linear"),
        ([1.0, math.nan, 0.01], "logarithmic"),
        ([1.0, -1.0, math.inf], "linear"),
        ([math.nan, math.nan], ""),
        ([1.0], ""),
        ([], ""),
        (list(np.geomspace(1.0, 1e-9, 100_000)), "logarithmic"),
    ],
)
def test_loss_curves_of_all_kinds(losses: list[float], said: str) -> None:
    svg = loss_curve([("loss", np.array(losses))])
    assert (said in svg) if said else svg == ""
    assert len(svg) < 10_000
    numbers = re.findall(r"[ML](-?[\d.]+|nan|inf) (-?[\d.]+|nan|inf)", svg)
    assert all(0 <= float(x) <= 360 and 0 <= float(y) <= 110 for x, y in numbers)


@pytest.mark.skipif(importlib.util.find_spec("IPython") is None, reason="needs IPython")
def test_ipython_shows_html() -> None:
    from IPython.core.formatters import HTMLFormatter

    x = rg.variable(1.0)
    compiled = rg.compile(lambda x: x * x)
    things = [x, x * 2.0, x.tape, rg.trace(lambda a: a, 1.0).program, compiled, fitted(), rg.explain(x), rg.explore(x)]
    for thing in things:
        assert HTMLFormatter()(thing) == thing._repr_html_()
    assert HTMLFormatter()(rg.Node) is None  # the class itself is no node


# Programs as code


def run_code(program: rg.Program, numbers: list[float]) -> tuple[float, ...]:
    """What the code of a Program computes for one lane."""

    def zmul(g: float, p: float) -> float:
        c = g * p
        return 0.0 if c != c and g == 0.0 else c

    def smul(g: float, p: float) -> float:
        c = g * p
        return 0.0 if c != c and 0.0 in (g, p) else c

    def ieee(function: Callable[..., Any]) -> Callable[..., Any]:  # 1/0 is inf
        return lambda *x: np.float64(function(*x))

    scope: dict[str, Any] = {row["name"]: ieee(getattr(rg, row["name"])) for row in rg.operator_table()}
    scope |= {"zmul": zmul, "smul": smul, "lane_sum": np.float64, "inf": math.inf, "nan": math.nan}
    scope |= {"zero_product": lambda y, c: np.float64(y == 0.0 and c != c)}
    exec(program.code(), scope)
    with np.errstate(all="ignore"):
        return tuple(float(x) for x in scope["program"](*map(np.float64, numbers)))


@pytest.mark.parametrize("seed", range(40))
def test_the_code_of_a_program_computes_what_the_program_does(seed: int) -> None:
    numbers = np.random.default_rng(seed).uniform(-1.5, 1.5, 5).tolist()
    for form in forms(random_program(seed)):
        for program in (form, form.optimised(relaxed=False), form.optimised()):
            want = [x[0] for x in evaluated(program, numbers, lanes=1)]
            np.testing.assert_allclose(run_code(program, numbers), want, rtol=1e-12, atol=1e-12)


def code(text: str) -> str:
    return rg.Program.parse(text).code()


def test_code_reads_like_python() -> None:
    program = rg.trace(lambda p, x: rg.sigmoid(rg.dot(p["w"], [x, 1.0])) ** 2, {"w": [0.5, 2.0]}, 3.0).program
    lines = program.code().splitlines()
    assert lines[0].startswith("def program(")
    assert lines[-1].strip().startswith("return (sigmoid(dot([")
    assert lines[-1].endswith(", [x, 1]))**2,)  # result")


def test_inputs_whose_names_are_no_identifiers_or_taken_get_others() -> None:
    names = ['p["w"][0]', "p_w_0", "exp", "v3", "2nd", "", "lambda", "é"]
    inputs = "".join(f"v{k} = uniform({json.dumps(name, ensure_ascii=False)})\n" for k, name in enumerate(names))
    text = code(inputs + 'output("y", v0)\n')
    assert text.splitlines()[0] == "def program(p_w_0, p_w_0_2, exp_2, v3_, x2nd, x, lambda_2, x_2):"
    ast.parse(text)


def test_what_stands_in_strings_stays_in_comments() -> None:
    text = code('v0 = varying("x")\nv1 = less(v0, v0)\nguard(v1, false, "a\\x0aimport os")\noutput("y\\x0a1/0", v0)\n')
    assert [type(node) for node in ast.parse(text).body] == [ast.FunctionDef]
    assert "assert not x < x  # a import os" in text
    assert "# a number for each lane: x" in text


def test_long_lines_are_broken_where_python_lets_them() -> None:
    inputs = "".join(f'v{k} = uniform("input_number_{k}")\n' for k in range(100))
    text = code(inputs + f'v100 = sum({", ".join(f"v{k}" for k in range(100))})\noutput("y", v100)\nv101 = exp(v100)\n')
    ast.parse(text)
    assert max(map(len, text.splitlines()[:-2])) <= 101


# Signatures and completion


PUBLIC = [name for name in rg.__all__ if not name.startswith("_")]


MADE_BY_OTHERS = (rg.Program, rg.Array, _core.Mark, _core.Scope, _core.Condition)  # not by calling the class


def public_callables() -> Iterator[tuple[str, Any]]:
    """The functions of the package, and the classes that can be called with their methods."""
    for module in (rg, rg.nn, rg.optim):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                if issubclass(thing, BaseException):
                    continue
                if thing not in MADE_BY_OTHERS:
                    yield f"{module.__name__}.{name}", thing
                for member, method in inspect.getmembers(thing, callable):
                    if not member.startswith("_"):
                        yield f"{module.__name__}.{name}.{member}", method
            elif callable(thing):
                yield f"{module.__name__}.{name}", thing

    def scaled(w: float, x: float) -> float:
        """Return the product."""
        return w * x

    compiled = rg.compile(scaled)
    yield "compiled", compiled
    yield "compiled.value_and_grad", compiled.value_and_grad
    yield "compiled.grad", compiled.grad


def test_every_public_function_and_method_has_a_signature() -> None:
    without = []
    count = 0
    for name, thing in public_callables():
        count += 1
        try:
            inspect.signature(thing)
        except (TypeError, ValueError) as error:
            without.append(f"{name}: {error}")
    assert without == []
    assert count > 300


def test_every_public_function_and_method_has_a_docstring() -> None:
    assert [name for name, thing in public_callables() if not inspect.getdoc(thing)] == []


def stub_signatures() -> Iterator[tuple[str, list[str]]]:
    """The parameters in the stub of what is there without overloads."""
    assert _core.__file__ is not None
    stub = Path(rg.__file__).with_name("_core.pyi")
    for node in ast.parse(stub.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            yield node.name, parameters(node.args)
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    kinds = [ast.unparse(decorator) for decorator in member.decorator_list]
                    if kinds in ([], ["staticmethod"]):
                        yield f"{node.name}.{member.name}", parameters(member.args)


def parameters(arguments: ast.arguments) -> list[str]:
    stars = [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    return [a.arg for a in arguments.posonlyargs + arguments.args] + stars + [a.arg for a in arguments.kwonlyargs]


def test_signatures_are_those_of_the_stub() -> None:
    wrong, count = {}, 0
    for name, expected in stub_signatures():
        thing: Any = _core
        for part in name.split("."):
            thing = getattr(thing, part)
        if name.startswith("_"):
            continue
        found = [
            ("*" if p.kind is p.VAR_POSITIONAL else "") + p.name for p in inspect.signature(thing).parameters.values()
        ]
        count += 1
        if found != expected:
            wrong[name] = (found, expected)
    assert wrong == {}
    assert count > 80


def test_bound_methods_leave_self_out_and_defaults_are_there() -> None:
    tape = rg.Tape()
    assert str(inspect.signature(tape.backward)) == "(outputs, seeds=None)"
    assert str(inspect.signature(rg.Tape.backward)) == "(self, outputs, seeds=None)"
    assert str(inspect.signature(rg.Tape)) == "(*, limit=1073741824)"
    assert str(inspect.signature(rg.Node)) == "(value, name=None)"
    assert str(inspect.signature(rg.variable)) == "(value, *, name=None)"
    assert str(inspect.signature(rg.Program.parse)) == "(text)"
    assert "Make a variable" in str(rg.variable.__doc__)
    assert "->" not in str(rg.variable.__doc__)


@pytest.mark.parametrize("name", PUBLIC)
def test_names_are_completed(name: str) -> None:
    completer = rlcompleter.Completer({"rg": rg})
    found = []
    while (candidate := completer.complete(f"rg.{name}", len(found))) is not None:
        found.append(candidate)
    assert any(candidate.rstrip("()") == f"rg.{name}" for candidate in found)


def test_attributes_of_nodes_are_completed_without_being_computed() -> None:
    node = rg.variable(1.0)
    completer = rlcompleter.Completer({"node": node})
    operators = [row["name"] for row in rg.operator_table() if row["kind"] == "primitive" and not row["constant_first"]]
    for name in ["backward", "grad", "value", *operators]:
        candidate = completer.complete(f"node.{name}", 0)
        assert candidate is not None
        assert candidate.startswith(f"node.{name}")
    with unchanged(node):
        dir(node)


FUNCTIONS: list[Callable[..., Any]] = [rg.explain, rg.draw, rg.explore, rg.fit, rg.compile, rg.grad]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_docstrings_name_every_parameter(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function)
    assert text is not None
    assert [p for p in inspect.signature(function).parameters if not re.search(rf"\b{p}\b", text)] == []


def test_an_array_shows_shape_values_and_gradients() -> None:
    a = rg.array([[1.0, 2.0], [3.0, 4.0]])
    assert "Array of shape (2, 2) value [[1. 2.] [3. 4.]]" in shown(a)
    assert "grad" not in shown(a)
    (a * a).sum().backward()
    assert "grad [[2. 4.] [6. 8.]]" in shown(a)
    assert len(rg.array(np.zeros(100_000))._repr_html_()) < 5_000
    with a.tape.scope():
        gone = a * 2.0
    assert "stale" in shown(gone)

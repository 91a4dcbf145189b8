"""The page of rg.explore in a real browser: what it says step by step, and how it is handled.

The browser is Chromium, headless, driven by Playwright; without them these tests are skipped.
"""

from __future__ import annotations

import importlib.util
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import reelgrad as rg

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HAS_BROWSER = CHROMIUM is not None and importlib.util.find_spec("playwright") is not None
needs_browser = pytest.mark.skipif(
    not HAS_BROWSER, reason="needs Chromium and playwright: apt-get install chromium; pip install playwright"
)
Nodes = dict[str, rg.Node]


@pytest.fixture(autouse=True)
def own_tape() -> Iterator[None]:
    with rg.Tape():
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a page of a loss, offline; at the end nothing must have been asked for or gone wrong."""
    requests: list[str] = []
    wrong: list[str] = []
    contexts = []

    def visit(
        loss: rg.Node, names: dict[str, Any] | None = None, how: dict[str, Any] | None = None, **options: Any
    ) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | (how or {})))
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        path = tmp_path / f"{len(contexts)}.html"
        rg.explore(loss, path, names=names, **options)
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert all(url.startswith("file://") for url in requests)
    assert wrong == []


def worked_example() -> tuple[rg.Node, Nodes]:
    w1, w2 = rg.variables(0.5, -0.5), rg.variables(0.3, -0.3)
    a1 = [rg.sigmoid(1.0 * w) for w in w1]
    y = rg.sigmoid(a1[0] * w2[0] + a1[1] * w2[1])
    loss = 0.5 * (y - 0.0) ** 2
    return loss, {"a": w1[0], "b": w1[1], "c": w2[0], "d": w2[1], "y": y, "L": loss}


def shared_and_wide() -> tuple[rg.Node, Nodes]:
    x, w = rg.variable(0.7), rg.variable(-1.3)
    s = rg.sin(x * w)
    total = rg.dot([x, s, w], [w, s, 2.0]) + rg.logsumexp([s, x]) * s - rg.where(x > 0.0, x, w)
    return total * total / s, {"x": x, "w": w, "s": s}


def network() -> tuple[rg.Node, Nodes]:
    random.seed(3)
    model = rg.nn.MLP(2, [3, 1])
    return (model([0.5, -0.3]) - 1.0) ** 2, dict(model.named_parameters())


def poisoned() -> tuple[rg.Node, Nodes]:
    x = rg.variable(0.0)
    return rg.where(False, rg.log(x), 3.0 * x) + 0.0 * rg.sqrt(x), {"x": x}


EXAMPLES = [worked_example, shared_and_wide, network, poisoned]


each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)


def last_step(page: Any) -> int:
    return int(page.get_attribute("#seek", "max"))


def step_of(page: Any) -> int:
    return int(page.get_attribute("body", "data-step"))


def gradients(page: Any) -> dict[str, tuple[float, str]]:
    """The gradients shown in the table, exact and as they read; without those that are not shown yet."""
    rows = page.eval_on_selector_all(
        "tbody tr.reached",
        "rows => rows.map(r => [r.dataset.name, r.dataset.gradient, r.querySelector('.gradient').innerText])",
    )
    return {name: (float(exact), text) for name, exact, text in rows}


# What the steps show


@needs_browser
@each_example
def test_stepping_to_the_end_shows_the_gradients_of_the_engine(
    example: Callable[[], tuple[rg.Node, Nodes]], visit: Callable[..., Any]
) -> None:
    loss, names = example()
    page = visit(loss, names)
    assert step_of(page) == 0
    assert gradients(page) == {}
    for _ in range(last_step(page)):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#phase") == "Done"
    shown = gradients(page)
    loss.backward()
    assert {name: shown[name] for name in names} == {
        name: (node.grad, f"{node.grad:.6g}") for name, node in names.items()
    }
    in_graph = page.eval_on_selector_all(
        "svg .node", "all => all.map(n => [n.dataset.node, n.querySelector('.gradient').textContent])"
    )
    in_table = page.eval_on_selector_all(
        "tbody tr", "all => all.map(r => [r.dataset.node, r.querySelector('.gradient').innerText])"
    )
    assert sorted(in_graph) == sorted(in_table)
    page.keyboard.press("ArrowRight")
    assert step_of(page) == last_step(page)


@needs_browser
@each_example
def test_at_each_step_the_gradient_so_far_is_the_sum_of_what_was_passed_on(
    example: Callable[[], tuple[rg.Node, Nodes]], visit: Callable[..., Any]
) -> None:
    loss, names = example()
    rows = rg.explain(loss, names=names, max_rows=None).rows
    by_number = {row.number: row.name for row in rows}
    page = visit(loss, names)
    while "Reverse sweep" not in page.inner_text("#phase"):
        page.keyboard.press("ArrowRight")
    expected = {rows[0].name: 1.0}
    assert {name: exact for name, (exact, _) in gradients(page).items()} == expected
    for row in rows:
        for operand in row.operands:
            if operand.node is None:
                continue
            name = by_number[operand.node]
            expected[name] = expected.get(name, 0.0) + operand.contribution
            page.keyboard.press("ArrowRight")
            assert page.inner_text("#what") == f"{row.name} passes its gradient on to {name}"
            assert {key: exact for key, (exact, _) in gradients(page).items()} == pytest.approx(expected, nan_ok=True)
            last_line = page.locator("#lines dd").last.inner_text()
            assert last_line.endswith(f"= {expected[name]:.6g}")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#phase") == "Done"


@needs_browser
def test_the_forward_pass_shows_values_in_the_order_of_their_computation(visit: Callable[..., Any]) -> None:
    x = rg.variable(2.0, name="x")
    y = rg.exp(x * -0.5) + x
    page = visit(y, {"y": y})
    said = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        said.append(page.locator("#lines dd").all_inner_texts())
        assert page.locator("tbody tr:not(.waiting)").count() == len(said)
    assert said == [
        ["x = 2"],
        ["v0 = x*(-0.5)", "v0 = 2*(-0.5)", "v0 = -1"],
        ["v1 = exp(v0)", "v1 = exp(-1)", "v1 = 0.367879"],
        ["y = v1 + x", "y = 0.367879 + 2", "y = 2.36788"],
    ]


@needs_browser
def test_a_contribution_that_absolute_zero_dropped_is_told(visit: Callable[..., Any]) -> None:
    page = visit(poisoned()[0])
    texts = []
    for _ in range(last_step(page)):
        page.keyboard.press("ArrowRight")
        texts += page.locator("#lines dd").all_inner_texts()
    assert any("(nan, counted as 0)" in text for text in texts)


# Keys, mouse, touch


@needs_browser
def test_keys_step_and_go_to_the_ends(visit: Callable[..., Any]) -> None:
    page = visit(worked_example()[0])
    end = last_step(page)
    seen = []
    for key in ("ArrowLeft", "ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        seen.append(step_of(page))
    assert seen == [0, 1, 2, 1, end, end - 1, 0]


@needs_browser
def test_space_plays_to_the_end_and_pauses(visit: Callable[..., Any]) -> None:
    page = visit(worked_example()[0])
    page.clock.install()
    page.keyboard.press(" ")
    page.clock.run_for(2 * 1300 + 100)
    assert step_of(page) == 2
    page.keyboard.press(" ")
    page.clock.run_for(10 * 1300)
    assert step_of(page) == 2
    page.keyboard.press(" ")
    page.clock.run_for(100 * 1300)
    assert step_of(page) == last_step(page)
    assert page.get_attribute("#play", "aria-label") == "Play"


@needs_browser
def test_buttons_the_slider_and_clicks_on_nodes_go_where_they_say(visit: Callable[..., Any]) -> None:
    loss, names = worked_example()
    page = visit(loss, names)
    end = last_step(page)
    seen = []
    for button in ("#next", "#next", "#back", "#last", "#first"):
        page.click(button)
        seen.append(step_of(page))
    assert seen == [1, 2, 1, end, 0]
    assert page.is_disabled("#first")
    page.fill("#seek", "7")
    assert step_of(page) == 7
    page.click("svg .node:has-text('y = sigmoid')")
    assert page.inner_text("#what") == "y is computed"
    page.keyboard.press("End")
    page.click("tbody tr[data-name='y']")
    assert re.fullmatch(r"v\d+ passes its gradient on to y", page.inner_text("#what"))
    page.click("#fit")
    assert page.get_attribute("#fit", "aria-pressed") == "true"


@needs_browser
def test_a_swipe_over_the_panel_steps(visit: Callable[..., Any]) -> None:
    page = visit(worked_example()[0], how={"has_touch": True, "viewport": {"width": 390, "height": 844}})

    def swipe(from_x: int, to_x: int) -> None:
        page.evaluate(
            """([a, b]) => {
                const panel = document.getElementById("panel");
                for (const [kind, x] of [["touchstart", a], ["touchend", b]]) {
                    const touch = new Touch({identifier: 1, target: panel, clientX: x, clientY: 500});
                    panel.dispatchEvent(new TouchEvent(kind, {changedTouches: [touch], bubbles: true}));
                }
            }""",
            [from_x, to_x],
        )

    swipe(300, 100)
    swipe(300, 100)
    swipe(100, 110)  # no swipe
    assert step_of(page) == 2
    swipe(100, 300)
    assert step_of(page) == 1
    page.tap("#next")
    assert step_of(page) == 2


# Where it is read


PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True}


@needs_browser
@each_example
def test_on_a_phone_nothing_overflows_and_buttons_are_large_and_in_reach(
    example: Callable[[], tuple[rg.Node, Nodes]], visit: Callable[..., Any]
) -> None:
    page = visit(example()[0], how=PHONE)
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        boxes = [button.bounding_box() for button in page.locator("#controls button").all()]
        assert all(box["width"] >= 44 and box["height"] >= 44 for box in boxes)
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert all(box["y"] >= 0 and box["y"] + box["height"] <= 844 for box in boxes)


@needs_browser
@pytest.mark.parametrize("how", [{}, PHONE], ids=["desk", "phone"])
def test_the_nodes_of_a_step_are_in_view(how: dict[str, Any], visit: Callable[..., Any]) -> None:
    page = visit(network()[0], how=how)
    for _ in range(last_step(page) - 1):
        page.keyboard.press("ArrowRight")
        frame = page.locator("#graph").bounding_box()
        box = page.locator("svg .node.current").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        assert frame["x"] <= middle[0] <= frame["x"] + frame["width"]
        assert frame["y"] <= middle[1] <= frame["y"] + frame["height"]


def luminance(colour: str) -> float:
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """WCAG 2's contrast ratio."""
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


@needs_browser
def test_light_and_dark_both_have_the_contrast_of_wcag_aa(visit: Callable[..., Any]) -> None:
    backgrounds = set()
    for scheme in ("light", "dark"):
        page = visit(worked_example()[0], how={"color_scheme": scheme})
        for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
            page.keyboard.press(key)
            pairs = page.evaluate(
                """() => [["#what", "#panel"], ["#phase", "#panel"], ["#lines dt", "#panel"], ["#lines dd", "#panel"],
                    ["h1", "body"], ["header p", "body"], ["#count", "body"], ["thead th", "#table"],
                    ["tbody th", "#table"], ["td.gradient", "#table"], ["tr.current td.gradient", "tr.current"]]
                    .filter(([text]) => document.querySelector(text) !== null)
                    .map(([text, back]) => [text, getComputedStyle(document.querySelector(text)).color,
                        getComputedStyle(document.querySelector(back)).backgroundColor])"""
            )
            for text, colour, background in pairs:
                assert contrast(colour, background) >= 4.5, f"{scheme}: {text} is {colour} on {background}"
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2


@needs_browser
def test_without_javascript_the_graph_and_the_table_show_all_there_is(visit: Callable[..., Any]) -> None:
    loss, names = worked_example()
    page = visit(loss, names, how={"java_script_enabled": False})
    assert not page.is_visible("#controls")
    assert "Without JavaScript" in page.inner_text("#panel")
    loss.backward()
    for name, node in names.items():
        row = page.locator(f"tbody tr[data-name='{name}']")
        assert row.locator(".gradient").inner_text() == f"{node.grad:.6g}"
        assert row.locator(".value").inner_text() == f"{node.value:.6g}"
    assert all(text.is_visible() for text in page.locator("svg .gradient").all())


HOSTILE = [
    "</script><script>document.title='x'</script>",
    "<img src=x onerror=\"document.title='x'\">",
    "{{js}}",
    "a\"b'c",
    "\\u003c",
    "&lt;",
]


@needs_browser
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_as_they_are(name: str, visit: Callable[..., Any]) -> None:
    name = name[:40]
    y = rg.tanh(rg.variable(1.0, name=name) * 2.0)
    page = visit(y, {"y": y})
    page.keyboard.press("End")
    assert page.title() == "How the gradient of y is made"
    assert page.get_attribute("tbody tr:last-child", "data-name") == name
    assert page.locator("svg .node.variable .name").text_content() == name
    assert page.locator("#lines dt").inner_text() == f"dy/d{name}"


@needs_browser
def test_of_a_large_graph_the_page_shows_the_neighbourhood_and_says_so(visit: Callable[..., Any]) -> None:
    w = rg.variable(0.5, name="w")
    y = w
    for _ in range(2000):
        y = rg.sin(y) * 0.9 + w
    page = visit(y, max_nodes=40)
    assert "the nearest 40 of 6,001 nodes" in page.inner_text("header")
    assert page.locator("svg .node").count() == 40
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#what") == "w receives from nodes that are not shown"
    y.backward()
    assert gradients(page)["w"][0] == w.grad


@needs_browser
def test_in_a_notebook_the_page_lives_in_a_frame(browser: Any) -> None:
    loss, names = worked_example()
    frame_html = rg.explore(loss, names=names)._repr_html_()
    page = browser.new_page()
    page.set_content(f"<!doctype html><body>{frame_html}")
    frame = page.frame_locator("iframe")
    frame.locator("#last").click()
    assert frame.locator("#phase").inner_text() == "Done"
    page.close()

// Steps through the page. It computes nothing: each step holds what to show, and what a step shows is the sum of those
// before it. Without it the page shows everything at once.
"use strict";
{
  const steps = JSON.parse(document.getElementById("steps").textContent);
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const nodes = new Map();
  for (const element of document.querySelectorAll("[data-node]")) {
    const key = element.dataset.node;
    if (!nodes.has(key)) nodes.set(key, []);
    nodes.get(key).push(element);
  }
  const edges = [...document.querySelectorAll("[data-edge]")];
  const full = new Map([...nodes].map(([key, [element]]) => [key, element.querySelector(".gradient span, tspan.gradient").textContent]));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let at = 0, timer = null;

  function mark(element, name, on) { element.classList.toggle(name, on); }

  function show(k, follow = true) {
    at = Math.max(0, Math.min(steps.length - 1, k));
    const step = steps[at];
    const computed = new Set(), gradients = new Map(), passed = new Set();
    for (const past of steps.slice(0, at + 1)) {
      if (past.phase === "forward") computed.add(String(past.node));
      if (past.gradient !== undefined) gradients.set(String(past.node), past.gradient);
      if (past.source !== undefined) passed.add(past.source + ":" + past.position);
    }
    for (const phase of ["start", "forward", "reverse", "end"]) mark(root, phase, step.phase === phase);
    for (const [key, elements] of nodes) {
      const gradient = gradients.get(key);
      for (const element of elements) {
        mark(element, "waiting", !computed.has(key));
        mark(element, "reached", gradient !== undefined);
        mark(element, "current", key === String(step.node));
        mark(element, "source", key === String(step.source));
        const place = element.querySelector(".gradient span, tspan.gradient");
        place.textContent = gradient === undefined ? full.get(key) : gradient[0];
        element.dataset.gradient = gradient === undefined ? "" : gradient[1];
      }
    }
    const current = step.source === undefined ? "" : step.source + ":" + step.position;
    for (const edge of edges) {
      mark(edge, "passed", passed.has(edge.dataset.edge));
      mark(edge, "current", edge.dataset.edge === current);
      mark(edge, "into", step.phase === "forward" && edge.dataset.edge.split(":")[0] === String(step.node));
    }
    find("phase").textContent = step.caption;
    find("what").textContent = step.title;
    find("lines").replaceChildren(...step.lines.flatMap(([caption, formula]) => {
      const term = document.createElement("dt"), text = document.createElement("dd");
      term.textContent = caption;
      text.textContent = formula;
      return [term, text];
    }));
    const seek = find("seek");
    seek.value = at;
    seek.setAttribute("aria-valuetext", step.caption + ": " + step.title);
    find("count").textContent = at + " of " + (steps.length - 1);
    find("first").disabled = find("back").disabled = at === 0;
    find("next").disabled = find("last").disabled = at === steps.length - 1;
    document.body.dataset.step = at;
    if (follow) bring_into_view(step);
  }

  // The graph scrolls so that the nodes of the step are in its middle; the page stays where it is.
  function bring_into_view(step) {
    const graph = find("graph"), frame = graph.getBoundingClientRect();
    const boxes = [step.node, step.source].filter((key) => key !== undefined)
      .map((key) => nodes.get(String(key)).find((element) => element.ownerSVGElement).getBoundingClientRect());
    if (boxes.length === 0) return;
    const middle = (low, high) => (Math.min(...boxes.map((b) => b[low])) + Math.max(...boxes.map((b) => b[high]))) / 2;
    graph.scrollTo({
      left: graph.scrollLeft + middle("left", "right") - (frame.left + frame.width / 2),
      top: graph.scrollTop + middle("top", "bottom") - (frame.top + frame.height / 2),
      behavior: calm.matches || timer === null ? "auto" : "smooth",
    });
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    mark(root, "playing", false);
    find("play").setAttribute("aria-label", "Play");
  }

  function toggle_play() {
    if (timer !== null) return stop();
    if (at === steps.length - 1) show(0);
    timer = setInterval(() => at === steps.length - 1 ? stop() : show(at + 1), 1300);
    mark(root, "playing", true);
    find("play").setAttribute("aria-label", "Pause");
  }

  function go(k) { stop(); show(k); }

  function toggle_fit() {
    mark(root, "fit", !root.classList.contains("fit"));
    find("fit").setAttribute("aria-pressed", root.classList.contains("fit"));
    bring_into_view(steps[at]);
  }

  // In the forward pass and before, a node's step is where it is computed; later, where it first receives.
  function go_to(key) {
    const late = steps[at].phase === "reverse" || steps[at].phase === "end";
    const phase = late ? "reverse" : "forward";
    const k = steps.findIndex((step) => step.phase === phase && String(step.node) === key);
    if (k >= 0) go(k);
  }

  find("seek").max = steps.length - 1;
  find("seek").addEventListener("input", (event) => go(Number(event.target.value)));
  const actions = { first: () => go(0), back: () => go(at - 1), next: () => go(at + 1), last: () => go(steps.length - 1),
    play: toggle_play, fit: toggle_fit };
  for (const [id, action] of Object.entries(actions)) find(id).addEventListener("click", action);

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.id === "seek") return;
    const keys = { ArrowLeft: actions.back, ArrowRight: actions.next, Home: actions.first, End: actions.last,
      " ": event.target.tagName === "BUTTON" ? undefined : actions.play, f: actions.fit };
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    keys[event.key]();
  });

  for (const [key, elements] of nodes) {
    for (const element of elements) element.addEventListener("click", () => go_to(key));
  }

  let start = null;  // of a swipe over the panel
  find("panel").addEventListener("touchstart", (event) => { start = event.changedTouches[0]; }, { passive: true });
  find("panel").addEventListener("touchend", (event) => {
    const end = event.changedTouches[0];
    if (start === null || Math.abs(end.clientX - start.clientX) < 40) return;
    if (Math.abs(end.clientY - start.clientY) > Math.abs(end.clientX - start.clientX)) return;
    go(at + (end.clientX < start.clientX ? 1 : -1));
  }, { passive: true });

  root.classList.add("live");
  show(0);
}

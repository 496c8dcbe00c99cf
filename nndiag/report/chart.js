// Charts that can be zoomed and read off: each figure with data gets one in the place of its picture.
"use strict";
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"];
const WIDTH = 640, HEIGHT = 320, LEFT = 64, RIGHT = 12, TOP = 28, BOTTOM = 34;

function element(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (parent) parent.appendChild(made);
  return made;
}

function short(value) {
  if (value === null) return "–";
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e6) ? String(+value.toPrecision(3)).replace("e+", "e") : String(+value.toPrecision(4));
}

function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return found;
}

function limits(chart) {
  const xs = chart.curves.flatMap((curve) => curve.x);
  const ys = chart.curves.flatMap((curve) => curve.y.filter((y) => y !== null));
  const logs = ys.concat(Object.values(chart.levels)).map(Math.log10);
  const least = logs.reduce((a, b) => Math.min(a, b)), most = logs.reduce((a, b) => Math.max(a, b));
  const gap = Math.max((most - least) * 0.05, 0.05), last = xs.reduce((a, b) => Math.max(a, b));
  return { x: [xs[0], Math.max(last, xs[0] + 1)], y: [least - gap, most + gap] };
}

function draw(figure, chart) {
  const whole = limits(chart);
  let view = structuredClone(whole), hidden = new Set(), dragged = null;
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", tabindex: 0 });
  const id = `clip-${Math.random().toString(36).slice(2)}`;
  const inner = { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
  const px = (x) => LEFT + ((x - view.x[0]) / (view.x[1] - view.x[0])) * inner.width;
  const py = (y) => TOP + inner.height * (1 - (Math.log10(y) - view.y[0]) / (view.y[1] - view.y[0]));
  const readout = document.createElement("div");
  readout.className = "readout";

  function axes() {
    for (const x of ticks(view.x[0], view.x[1], 7)) {
      element("line", { x1: px(x), x2: px(x), y1: TOP, y2: TOP + inner.height, class: "grid" }, svg);
      const text = element("text", { x: px(x), y: HEIGHT - 14, "text-anchor": "middle" }, svg);
      text.textContent = Number(x.toFixed(3)).toLocaleString("en");
    }
    for (const value of heights()) {
      const at = py(value);
      element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at, class: "grid" }, svg);
      element("text", { x: LEFT - 6, y: at + 3, "text-anchor": "end" }, svg).textContent =
        short(+value.toPrecision(3));
    }
    element("text", { x: WIDTH - RIGHT, y: HEIGHT - 2, "text-anchor": "end" }, svg).textContent = "step";
  }

  function heights() {  // powers of ten, or even numbers where the picture shows few decades
    const [low, high] = view.y, span = high - low;
    if (span > 2) return ticks(low, high, Math.min(6, span)).map((power) => 10 ** power);
    return ticks(10 ** low, 10 ** high, 5).filter((value) => value > 0);
  }

  function path(curve) {
    let text = "", pen = "M";
    curve.x.forEach((x, k) => {
      if (curve.y[k] === null) { pen = "M"; return; }
      text += `${pen}${px(x).toFixed(1)} ${py(curve.y[k]).toFixed(1)}`;
      pen = "L";
    });
    return text;
  }

  function paint() {
    svg.replaceChildren();
    const clip = element("clipPath", { id }, svg);
    element("rect", inner, clip);
    element("text", { x: LEFT, y: 14, class: "title" }, svg).textContent = chart.title;
    axes();
    const plot = element("g", { "clip-path": `url(#${id})` }, svg);
    for (const name in chart.levels) {
      const at = py(chart.levels[name]);
      element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at, class: "level" }, plot);
    }
    if (chart.onset !== null) {
      const at = px(chart.onset);
      element("line", { x1: at, x2: at, y1: TOP, y2: TOP + inner.height, class: "onset" }, plot);
    }
    chart.curves.forEach((curve, k) => {
      if (!hidden.has(k)) element("path", { d: path(curve), stroke: COLOURS[k % 7], class: "curve" }, plot);
    });
    legend();
  }

  function legend() {
    let right = WIDTH - RIGHT;
    for (let k = Math.min(chart.curves.length, 8) - 1; k >= 0; k--) {
      const text = element("text", { x: right, y: 14, "text-anchor": "end", style: `fill: ${COLOURS[k % 7]}`,
        class: hidden.has(k) ? "name off" : "name" }, svg);
      text.textContent = chart.curves[k].name;
      text.onclick = () => { hidden.has(k) ? hidden.delete(k) : hidden.add(k); paint(); };
      right -= 8 + 6 * chart.curves[k].name.length;
    }
  }

  function place(event) {
    const box = svg.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT];
  }

  function read(x) {
    const step = view.x[0] + ((x - LEFT) / inner.width) * (view.x[1] - view.x[0]);
    const told = chart.curves.map((curve, k) => {
      let low = 0, high = curve.x.length - 1;
      while (high - low > 1) { const mid = (low + high) >> 1; curve.x[mid] > step ? (high = mid) : (low = mid); }
      const at = step - curve.x[low] < curve.x[high] - step ? low : high;
      return { at: curve.x[at], text: `${curve.name} ${short(curve.y[at])}`, k };
    }).filter((one) => !hidden.has(one.k));
    if (!told.length) return;
    svg.querySelector(".cursor")?.remove();
    const at = px(told[0].at);
    element("line", { x1: at, x2: at, y1: TOP, y2: TOP + inner.height, class: "cursor" }, svg);
    readout.textContent = `step ${told[0].at.toLocaleString("en")}: ${told.map((one) => one.text).join(" · ")}`;
  }

  function zoom(axis, at, factor) {
    const [low, high] = view[axis];
    view[axis] = [at - (at - low) * factor, at + (high - at) * factor];
    if (axis === "x") view.x = [Math.max(view.x[0], whole.x[0]), Math.min(view.x[1], whole.x[1])];
  }

  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = place(event), factor = event.deltaY > 0 ? 1.25 : 0.8;
    zoom("x", view.x[0] + ((x - LEFT) / inner.width) * (view.x[1] - view.x[0]), factor);
    if (event.shiftKey) zoom("y", view.y[1] - ((y - TOP) / inner.height) * (view.y[1] - view.y[0]), factor);
    paint();
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => { dragged = { from: place(event), view: structuredClone(view) }; });
  window.addEventListener("pointerup", () => { dragged = null; });
  svg.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (dragged === null) { read(x); return; }
    const dx = ((x - dragged.from[0]) / inner.width) * (dragged.view.x[1] - dragged.view.x[0]);
    const dy = ((y - dragged.from[1]) / inner.height) * (dragged.view.y[1] - dragged.view.y[0]);
    view = { x: dragged.view.x.map((v) => v - dx), y: dragged.view.y.map((v) => v + dy) };
    paint();
  });
  svg.addEventListener("dblclick", () => { view = structuredClone(whole); paint(); });
  paint();
  figure.querySelector("svg")?.replaceWith(svg) ?? figure.prepend(svg);
  figure.append(readout);
  readout.textContent = "wheel: zoom (with shift: both ways) · drag: move · double click: all · names: on and off";
}

for (const data of document.querySelectorAll("figure > script[type='application/json']")) {
  draw(data.parentElement, JSON.parse(data.textContent));
}

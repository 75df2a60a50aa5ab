// Draws the histories of the trainings from /trainings/CYCLE/history.json, the newest one strong and the
// earlier ones pale, and the previews with their slider. A history is fetched again when its stamp in
// #charted has changed.
"use strict";

const CLASS_COLOURS = 8;
const WORDS = {
  labeled: "The loss on people's labels: it should fall, and lie lower than at the start of earlier trainings.",
  mixed: "The loss on unlabeled images mixed with labeled ones. It starts later, and may rise when pseudo-labels begin to count.",
  sure: "Share of the pixels of each class whose pseudo-label counts. A class at 0 learns nothing from the pool.",
  measured: "Measured on all validation images on the way (keep_best, until_plateau); dotted: the mIoU of the few preview images alone, a trend and no more.",
  learning_rate: "The learning rate of the encoder.",
};
const Y_TITLES = { labeled: "loss", mixed: "loss", sure: "share of the pixels", measured: "mIoU", learning_rate: "learning rate" };
const histories = new Map(); // cycle -> { stamp, history }

const byId = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

async function load() {
  const charted = JSON.parse(byId("charted").textContent);
  byId("charts").hidden = charted.length === 0;
  const changed = charted.filter((one) => histories.get(one.cycle)?.stamp !== one.history);
  await Promise.all(changed.map(async (one) => {
    const answer = await fetch("/trainings/" + one.cycle + "/history.json", { cache: "no-store" });
    if (answer.ok) histories.set(one.cycle, { stamp: one.history, history: await answer.json() });
  }));
  for (const cycle of [...histories.keys()]) if (!charted.some((one) => one.cycle === cycle)) histories.delete(cycle);
  draw();
  showPreviews(changed.length > 0);
}

const newestFirst = () => [...histories.keys()].sort((a, b) => b - a);

function sum(losses, prefix) {
  const parts = Object.entries(losses).filter(([name]) => name.startsWith(prefix));
  return parts.length ? parts.reduce((total, [, value]) => total + value, 0) : null;
}

function line(cycle, rank, x, y, name, own, more = {}) {
  const newest = rank === 0;
  return {
    type: "scatter", mode: "lines", x, y, name, legendrank: rank, connectgaps: false,
    line: { color: own, width: newest ? 2.5 : 1.2, ...more }, opacity: newest ? 1 : 0.5,
    hovertemplate: "%{y:.4g}<extra>" + name + "</extra>",
  };
}

function series(kind) {
  const cycles = newestFirst();
  return cycles.flatMap((cycle, rank) => {
    const { history } = histories.get(cycle), points = history.points, x = points.map((point) => point.iteration);
    const own = rank === 0 ? colour("green") : colour("class-" + ((cycle + 2) % CLASS_COLOURS));
    const name = "cycle " + cycle;
    if (kind === "learning_rate") return [line(cycle, rank, x, points.map((point) => point.learning_rate), name, own)];
    if (kind === "measured") return measured(cycle, rank, history, name, own);
    if (kind === "sure") return history.classes.map((label, index) => {
      const y = points.map((point) => point.losses["sure_" + index] ?? null);
      return line(cycle, rank, x, y, name + ", " + escaped(label), colour("class-" + (index % CLASS_COLOURS)), rank ? { dash: "dot" } : {});
    }).filter((trace) => rank < 2 && trace.y.some((value) => value !== null));
    const y = points.map((point) => sum(point.losses, kind + "_"));
    return y.some((value) => value !== null) ? [line(cycle, rank, x, y, name, own)] : [];
  });
}

function measured(cycle, rank, history, name, own) {
  const traces = [];
  const real = history.measured.filter((point) => point.figure !== null);
  if (real.length) traces.push({ ...line(cycle, rank, real.map((point) => point.iteration), real.map((point) => point.figure), name, own), mode: "lines+markers" });
  const seen = history.previews.filter((preview) => preview.miou !== null);
  if (seen.length) traces.push(line(cycle, rank, seen.map((preview) => preview.iteration), seen.map((preview) => preview.miou), name + ", preview images", own, { dash: "dot" }));
  return traces;
}

function layout(width, height) {
  const [ink, soft, grid, edge] = ["ink", "soft", "line", "edge"].map(colour), narrow = width < 620;
  const axis = { gridcolor: grid, zeroline: false, fixedrange: true, ticks: "outside", tickcolor: grid, linecolor: edge };
  return {
    width, height, font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: soft },
    margin: { l: narrow ? 58 : 64, r: 16, t: 10, b: 52 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "x unified", hoverlabel: { bgcolor: colour("card"), bordercolor: edge, font: { color: ink } },
    xaxis: { ...axis, title: { text: "iterations", standoff: 12, font: { size: 13 } }, rangemode: "tozero", showgrid: false, tickformat: "d" },
    yaxis: { ...axis, title: { text: Y_TITLES[byId("series").value], standoff: 12, font: { size: 13 } }, autorange: true, rangemode: "tozero", nticks: 8, tickformat: "~g" },
    legend: narrow ? { orientation: "h", x: 0, y: 1.03, yanchor: "bottom" } : { x: 1.01, y: 1, font: { color: ink } },
    showlegend: true,
  };
}

function draw() {
  if (byId("charts").hidden) return;
  const kind = byId("series").value, plot = byId("plot"), traces = series(kind);
  byId("series-words").textContent = WORDS[kind];
  byId("no-series").hidden = traces.length > 0;
  plot.hidden = traces.length === 0;
  if (traces.length) Plotly.react(plot, traces.reverse(), layout(plot.clientWidth, plot.clientHeight), { displayModeBar: false });
}

function showPreviews(changed) { // keeps the chosen training; follows the newest preview where the slider stood there
  const cycles = newestFirst().filter((cycle) => histories.get(cycle).history.previews.length);
  byId("previews").hidden = cycles.length === 0;
  if (!cycles.length || !changed) return;
  const choice = byId("preview-cycle"), before = Number(choice.value), wasNewest = choice.selectedIndex <= 0;
  choice.replaceChildren(...cycles.map((cycle) => new Option("cycle " + cycle, cycle)));
  choice.value = !wasNewest && cycles.includes(before) ? before : cycles[0];
  setSteps(Number(choice.value) !== before);
}

function setSteps(toEnd) {
  const { history } = histories.get(Number(byId("preview-cycle").value)), slider = byId("preview-step");
  const atEnd = toEnd || slider.value === slider.max;
  slider.max = history.previews.length - 1;
  if (atEnd) slider.value = slider.max;
  showStep();
}

function picture(image, title, overlay) {
  const pane = document.createElement("figure"), stack = document.createElement("span"), words = document.createElement("figcaption");
  pane.className = "pane";
  stack.className = "stack";
  const under = new Image();
  under.src = "/images/" + image.id + "/thumbnail.jpg?px=256";
  under.alt = title + " of image " + image.id;
  stack.append(under);
  if (overlay) {
    const over = new Image();
    over.className = "over";
    over.alt = "";
    over.src = overlay;
    over.addEventListener("error", () => over.remove());
    stack.append(over);
  }
  words.textContent = title;
  pane.append(stack, words);
  return pane;
}

function showStep() {
  const cycle = Number(byId("preview-cycle").value), { history } = histories.get(cycle);
  const preview = history.previews[Number(byId("preview-step").value)];
  if (!preview) return;
  const miou = preview.miou === null ? "" : ", " + preview.miou.toFixed(3) + " mIoU on these images";
  byId("preview-words").textContent = preview.iteration + " of " + history.iterations + miou;
  byId("preview-step").setAttribute("aria-valuetext", "iteration " + preview.iteration);
  const base = "/trainings/" + cycle;
  byId("preview-images").replaceChildren(...history.images.map((image) => {
    const row = document.createElement("article"), key = image.role + "-" + image.id, mask = base + "/previews/" + preview.iteration + "/" + key;
    row.className = "images panes";
    const labeled = image.role === "validation";
    row.append(
      picture(image, (labeled ? "validation image " : "unlabeled image ") + image.id, ""),
      picture(image, labeled ? "truth" : "truth: not labeled", labeled ? base + "/labels/" + image.id + ".png" : ""),
      picture(image, "prediction", mask + "-prediction.png"),
      picture(image, "pseudo-label", mask + "-pseudo.png"),
    );
    return row;
  }));
}

document.addEventListener("maskloop:swapped", (event) => { if (event.detail === "charted") load(); });
document.addEventListener("input", (event) => { if (event.target.id === "preview-step") showStep(); });
document.addEventListener("change", (event) => {
  if (event.target.id === "series") draw();
  if (event.target.id === "preview-cycle") setSteps(true);
});
document.addEventListener("click", (event) => {
  if (event.target.id === "compare") location.assign("/trainings/compare/" + byId("compare-one").value + "/" + byId("compare-other").value);
});
new ResizeObserver(draw).observe(byId("charts"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
load();

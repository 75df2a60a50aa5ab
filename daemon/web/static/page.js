// Draws the curve and keeps the page fresh: it polls /status.json and, when that has changed,
// fetches the page again and swaps the sections that differ. One template is the only truth.
"use strict";

const POLL_MS = 2000;
const CLASS_COLOURS = 8;

const served = new Map(); // id of a live section -> its HTML as the server sent it
let lastStatus = null, lastAnswer = null;

function read() {
  return JSON.parse(document.getElementById("lines").textContent);
}

function colour(name) { // of the style sheet, which knows light and dark
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

function errors(line) {
  if (!line.low.some((end) => end !== null)) return undefined;
  const part = (ends, sign) => line.values.map((value, i) => (ends[i] === null || value === null ? 0 : sign * (ends[i] - value)));
  return { type: "data", symmetric: false, array: part(line.high, 1), arrayminus: part(line.low, -1), thickness: 1.6, width: 5, color: colour("green") };
}

function escaped(text) { // plotly reads names as HTML
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function short(text) {
  return escaped(text.length > 28 ? text.slice(0, 27) + "…" : text);
}

function trace(line, place) {
  const own = colour({ miou: "green", test: "amber", class: "class-" + (place % CLASS_COLOURS) }[line.kind]);
  const style = {
    miou: { line: { color: own, width: 3.5 }, marker: { color: own, size: 9, symbol: line.refused.map((no) => (no ? "x" : "circle")) }, error_y: errors(line) },
    test: { line: { color: own, width: 2, dash: "dash" }, marker: { color: own, size: 7, symbol: "diamond" } },
    class: { line: { color: own, width: 1.5 }, marker: { color: own, size: 5 } },
  }[line.kind];
  const label = line.kind === "miou" ? "mIoU, 95 % interval" : line.kind === "class" ? "IoU " + short(line.name) : "test mIoU";
  const hover = line.values.map((value, i) => (line.low[i] === null ? "" : " (95 %: " + line.low[i].toFixed(3) + " to " + line.high[i].toFixed(3) + ")") + (line.refused[i] ? ", refused" : ""));
  return {
    type: "scatter", mode: "lines+markers", x: line.labels, y: line.values, name: label, customdata: hover,
    hovertemplate: "%{y:.3f}%{customdata}<extra>" + label.replace(", 95 % interval", "") + "</extra>", ...style,
  };
}

function band(line) { // between the ends of the intervals, drawn below all lines
  const known = line.low.map((end, i) => i).filter((i) => line.low[i] !== null && line.values[i] !== null);
  if (known.length < 2) return [];
  const back = [...known].reverse();
  return [{
    type: "scatter", mode: "lines", x: [...known, ...back].map((i) => line.labels[i]),
    y: [...known.map((i) => line.high[i]), ...back.map((i) => line.low[i])],
    fill: "toself", fillcolor: colour("green"), opacity: 0.13, line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  }];
}

function layout(lines, width, height) { // both stated: plotly's own resizing loses the margins
  const most = Math.max(...lines[0].labels), narrow = width < 620;
  const [ink, soft, line, edge] = ["ink", "soft", "line", "edge"].map(colour);
  const axis = { gridcolor: line, zeroline: false, fixedrange: true, ticks: "outside", tickcolor: line, linecolor: edge };
  return {
    width, height,
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: soft },
    margin: { l: narrow ? 46 : 58, r: 16, t: 10, b: 52 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "x unified", hoverlabel: { bgcolor: colour("card"), bordercolor: edge, font: { color: ink } },
    xaxis: { ...axis, title: { text: "labeled images, validation included", standoff: 12, font: { size: 13 } }, range: [0, most * 1.08 || 1], showgrid: false, tickformat: "d" },
    yaxis: { ...axis, title: { text: "IoU", standoff: 12, font: { size: 13 } }, range: [-0.02, 1.02], dtick: 0.2, tickformat: ".1f" },
    legend: narrow ? { orientation: "h", x: 0, y: 1.03, yanchor: "bottom" } : { x: 1.01, y: 1, font: { color: ink } },
    showlegend: true,
  };
}

function draw() {
  const lines = read(), plot = document.getElementById("plot");
  plot.hidden = lines[0].labels.length === 0;
  if (plot.hidden) return;
  const classes = lines.filter((line) => line.kind === "class");
  const traces = lines.map((line, i) => ({ ...trace(line, classes.indexOf(line)), legendrank: i + 1 }));
  traces.push(...band(lines[0]));
  traces.reverse(); // the last one is drawn on top: mIoU
  Plotly.react(plot, traces, layout(lines, plot.clientWidth, plot.clientHeight), { displayModeBar: false });
}

function ago(stamp) {
  const seconds = Math.max(0, (Date.now() - Date.parse(stamp)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
  if (seconds < 172800) return Math.floor(seconds / 3600) + " h ago";
  return Math.floor(seconds / 86400) + " days ago";
}

function tellTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const words = ago(time.dateTime);
    if (time.textContent !== words) time.textContent = words;
  }
}

function remember(page) {
  for (const section of page.querySelectorAll("[data-live]")) served.set(section.id, section.innerHTML);
}

function swap(fresh) {
  for (const section of fresh.querySelectorAll("[data-live]")) {
    if (served.get(section.id) === section.innerHTML) continue;
    served.set(section.id, section.innerHTML);
    const shown = document.getElementById(section.id);
    const open = [...shown.querySelectorAll("details[open]")].map((details) => details.id);
    const scrolled = [...shown.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    shown.replaceChildren(...section.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    shown.querySelectorAll(".scroll").forEach((box, i) => { if (scrolled[i]) [box.scrollLeft, box.scrollTop] = scrolled[i]; });
    if (section.id === "lines") draw();
  }
  document.title = fresh.title;
}

async function fetched(address) {
  const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 200).trim());
  return answer.text();
}

async function look() {
  const link = document.getElementById("link");
  try {
    const status = await fetched("/status.json");
    if (status !== lastStatus) swap(new DOMParser().parseFromString(await fetched("/"), "text/html"));
    [lastStatus, lastAnswer] = [status, Date.now()];
    const daemon = JSON.parse(status).daemon; // the page may answer where no daemon does
    const lost = daemon.state === "never ran" ? "" : daemon.words;
    link.textContent = lost || "live";
    link.title = "";
    link.className = lost ? "link lost" : "link live";
  } catch (error) {
    link.textContent = "no answer from Maskloop" + (lastAnswer ? " since " + new Date(lastAnswer).toLocaleTimeString() : "");
    link.title = String(error.message || error);
    link.className = "link lost";
  }
  tellTimes();
}

async function keepLooking() {
  if (!document.hidden) await look();
  setTimeout(keepLooking, POLL_MS);
}

remember(document);
tellTimes();
new ResizeObserver(draw).observe(document.getElementById("curve"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
keepLooking();

// Draws the learning curve from the JSON in #lines, and its forecast from #forecast where there is one,
// again whenever they change. Class lines wait in the legend, or for the choice in #figure: the y axis
// fits what is shown. #axis chooses labels or the minutes of #people-time; #simulation holds arms that
// were simulated elsewhere, which have labels and an mIoU only.
"use strict";

const CLASS_COLOURS = 8;

function read(id, otherwise) {
  return JSON.parse(document.getElementById(id)?.textContent || otherwise);
}

const byMinutes = () => document.getElementById("axis")?.value === "minutes";

function readLines() { // with x: labels, or minutes, null where they are not known
  const minutes = byMinutes() ? read("people-time", "{}") : null;
  return read("lines", "[]").map((line) => ({ ...line, x: minutes ? line.cycles.map((cycle) => minutes[cycle] ?? null) : line.labels }));
}

function readForecast() {
  return byMinutes() ? [] : read("forecast", "[]");
}

function readSimulation() {
  const shown = document.getElementById("figure")?.value ?? "miou";
  return byMinutes() || shown !== "miou" ? null : read("simulation", "null");
}

function visible(line) {
  if (line.kind !== "class") return true;
  const chosen = document.getElementById("figure")?.value;
  return chosen === "" || chosen === line.name ? true : "legendonly";
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

function trace(line, classIndex) {
  const own = colour({ miou: "green", test: "amber", class: "class-" + (classIndex % CLASS_COLOURS) }[line.kind]);
  const style = {
    miou: { line: { color: own, width: 3.5 }, marker: { color: own, size: 9, symbol: line.refused.map((no) => (no ? "x" : "circle")) }, error_y: errors(line) },
    test: { line: { color: own, width: 2, dash: "dash" }, marker: { color: own, size: 7, symbol: "diamond" } },
    class: { line: { color: own, width: 1.5 }, marker: { color: own, size: 5 } },
  }[line.kind];
  const label = line.kind === "miou" ? "mIoU, 95 % interval" : line.kind === "class" ? "IoU " + short(line.name) : "test mIoU";
  const hover = line.values.map((value, i) => (line.low[i] === null ? "" : " (95 %: " + line.low[i].toFixed(3) + " to " + line.high[i].toFixed(3) + ")") + (line.refused[i] ? ", does not serve" : ""));
  return {
    type: "scatter", mode: "lines+markers", x: line.x, y: line.values, name: label, customdata: hover,
    visible: visible(line), hovertemplate: "%{y:.3f}%{customdata}<extra>" + label.replace(", 95 % interval", "") + "</extra>", ...style,
  };
}

function band(line) { // between the ends of the intervals, drawn below all lines
  const known = line.low.map((end, i) => i).filter((i) => line.low[i] !== null && line.values[i] !== null && line.x[i] !== null);
  if (known.length < 2) return [];
  const back = [...known].reverse();
  return [{
    type: "scatter", mode: "lines", x: [...known, ...back].map((i) => line.x[i]),
    y: [...known.map((i) => line.high[i]), ...back.map((i) => line.low[i])],
    fill: "toself", fillcolor: colour("green"), opacity: 0.13, line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  }];
}

function forecastTraces(ahead) { // the median, dotted, and its 80 % band
  if (!ahead.length) return [];
  const x = ahead.map((point) => point.labels), back = [...ahead].reverse(), own = colour("class-3");
  const hover = ahead.map((point) => " (80 %: " + point.low.toFixed(3) + " to " + point.high.toFixed(3) + ")");
  return [
    { type: "scatter", mode: "lines", x, y: ahead.map((point) => point.middle), name: "forecast, 80 % interval", legendrank: 500, customdata: hover,
      line: { color: own, width: 2, dash: "dot" }, hovertemplate: "%{y:.3f}%{customdata}<extra>forecast</extra>" },
    { type: "scatter", mode: "lines", x: [...x, ...back.map((point) => point.labels)], y: [...ahead.map((point) => point.high), ...back.map((point) => point.low)],
      fill: "toself", fillcolor: own, opacity: 0.16, line: { width: 0 }, hoverinfo: "skip", showlegend: false },
  ];
}

function agreementTraces(least, most) { // how well two people agree, across the plot; none for a group of images
  const people = JSON.parse(document.getElementById("agreement-line")?.textContent || "null");
  if (typeof people?.miou !== "number") return [];
  const ends = people.interval ? " (95 %: " + people.interval[0].toFixed(3) + " to " + people.interval[1].toFixed(3) + ")" : "";
  return [{ type: "scatter", mode: "lines", x: [least, most], y: [people.miou, people.miou], name: "two people agree", legendrank: 590, customdata: [ends, ends],
    line: { color: colour("soft"), width: 1.5, dash: "longdashdot" }, hovertemplate: "%{y:.3f}%{customdata}<extra>two people agree</extra>" }];
}

function simulatedTraces(found, right) { // a line and a band an arm, and a level for all labels
  if (!found) return [];
  const times = (some) => { const [least, most] = [Math.min(...some), Math.max(...some)]; return "simulated, n " + (least === most ? most : least + " to " + most); };
  const arms = found.arms.filter((arm) => arm.points.length).flatMap((arm, i) => {
    const own = arm.name === "random" ? colour("soft") : colour("class-" + ((i + 3) % CLASS_COLOURS)), label = short(arm.name) + ", " + times(arm.points.map((point) => point.runs));
    const ends = arm.points.filter((point) => point.low !== null), back = [...ends].reverse();
    const hover = arm.points.map((point) => (point.low === null ? "" : " (95 %: " + point.low.toFixed(3) + " to " + point.high.toFixed(3) + ")") + ", n " + point.runs);
    return [
      { type: "scatter", mode: "lines", x: arm.points.map((point) => point.labels), y: arm.points.map((point) => point.miou), name: label, legendrank: 600 + i, legendgroup: "arm " + i, customdata: hover,
        line: { color: own, width: 1.5, dash: "dashdot" }, hovertemplate: "%{y:.3f}%{customdata}<extra>" + short(arm.name) + ", simulated</extra>" },
      { type: "scatter", mode: "lines", x: [...ends, ...back].map((point) => point.labels), y: [...ends.map((point) => point.high), ...back.map((point) => point.low)], legendgroup: "arm " + i,
        fill: "toself", fillcolor: own, opacity: 0.1, line: { width: 0 }, hoverinfo: "skip", showlegend: false },
    ];
  });
  const full = found.full.map((one, i) => ({
    type: "scatter", mode: "lines", x: [0, right], y: [one.miou, one.miou], name: "all " + one.train_labels + " labels (" + short(one.method) + "), " + times([one.runs]), legendrank: 700 + i,
    line: { color: colour("soft"), width: 1, dash: "longdash" }, hoverinfo: "skip",
  }));
  return [...arms, ...full];
}

function leastSpan(line) { // nothing to see: the y axis fits what is shown, but spans 0.1, so that noise is no slope
  const known = line.values.filter((value) => value !== null);
  const middle = known.length ? (Math.min(...known) + Math.max(...known)) / 2 : 0.5;
  return { type: "scatter", mode: "lines", x: [line.x[0], line.x[0]], y: [middle - 0.05, middle + 0.05], line: { width: 0 }, hoverinfo: "skip", showlegend: false };
}

function span(line, ahead, simulation) { // ends of the x axis; a simulation goes to twice our labels at most
  const own = line.x.filter((x) => x !== null), most = Math.max(...own, ...ahead.map((point) => point.labels));
  const simulated = simulation ? simulation.arms.flatMap((arm) => arm.points.map((point) => point.labels)) : [];
  return [Math.min(...own), Math.max(most, Math.min(2 * Math.max(...own), Math.max(0, ...simulated)))];
}

function layout(least, most, width, height) { // both stated: plotly's own resizing loses the margins
  const narrow = width < 620;
  const [ink, soft, line, edge] = ["ink", "soft", "line", "edge"].map(colour);
  const axis = { gridcolor: line, zeroline: false, fixedrange: true, ticks: "outside", tickcolor: line, linecolor: edge };
  return {
    width, height,
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: soft },
    margin: { l: narrow ? 58 : 64, r: 16, t: 10, b: 52 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "x unified", hoverlabel: { bgcolor: colour("card"), bordercolor: edge, font: { color: ink } },
    xaxis: { ...axis, title: { text: byMinutes() ? "minutes of people, as the labeling tool measured them" : "labeled images, validation included", standoff: 12, font: { size: 13 } }, range: [Math.max(0, least - 0.06 * (most - least) - 1), most + 0.06 * (most - least) + 1], showgrid: false, tickformat: "d", dtick: most - least < 6 ? 1 : undefined },
    yaxis: { ...axis, title: { text: "IoU", standoff: 12, font: { size: 13 } }, autorange: true, tickformat: ".2f", nticks: 8, autorangeoptions: { clipmin: -0.02, clipmax: 1.02 } },
    legend: narrow ? { orientation: "h", x: 0, y: 1.03, yanchor: "bottom" } : { x: 1.01, y: 1, font: { color: ink } },
    showlegend: true,
  };
}

function draw() {
  const lines = readLines(), ahead = readForecast(), simulation = readSimulation(), plot = document.getElementById("plot");
  plot.hidden = !lines[0].x.some((x) => x !== null);
  if (plot.hidden) return;
  const [least, most] = span(lines[0], ahead, simulation);
  const classes = lines.filter((line) => line.kind === "class");
  const traces = lines.map((line, i) => ({ ...trace(line, classes.indexOf(line)), legendrank: i + 1 }));
  traces.push(...band(lines[0]), ...forecastTraces(ahead), ...simulatedTraces(simulation, most), ...agreementTraces(least, most), leastSpan(lines[0]));
  traces.reverse(); // the last one is drawn on top: mIoU
  Plotly.react(plot, traces, layout(least, most, plot.clientWidth, plot.clientHeight), { displayModeBar: false });
}

document.addEventListener("maskloop:swapped", (event) => { if (["lines", "forecast", "people-time", "simulation", "agreement-line", "tools"].includes(event.detail)) draw(); });
document.addEventListener("change", (event) => { if (["figure", "axis"].includes(event.target.id)) draw(); });
new ResizeObserver(draw).observe(document.getElementById("curve"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

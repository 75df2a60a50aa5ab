// The page of the map: it fetches the points, hands them to the sandboxed frame that draws them, and
// checks every message that comes back: the frame may name rows of points and nothing else.
import { coloured, decoded, matching, said } from "./map_points.js";
import { createSelection } from "./map_selection.js";

const MOST_MARKED = 100000; // points that the frame marks as selected
const FIRST_COLOUR = "state";
const element = (id) => document.getElementById(id);
const frame = element("map-frame"), hover = element("hover");

let map = null, etag = null, revision = null, frameReady = false, shown = FIRST_COLOUR;

const view = () => JSON.parse(element("map-view").textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const say = (words) => { element("map-message").textContent = words; };
const tell = (message) => frame.contentWindow.postMessage(message, "*"); // the frame has no origin to name

function theme() {
  const none = colour("edge"), dark = matchMedia("(prefers-color-scheme: dark)").matches;
  return {
    none, series: Array.from({ length: 8 }, (_, i) => colour("class-" + i)),
    scale: dark ? ["#35507a", "#2f9c95", "#cfd86b", "#fff3b0"] : ["#cfe3f3", "#5fb3b3", "#2f7f9e", "#3b1f6b"],
    names: {
      "not asked yet": colour("faint"), "asked, open": colour("class-4"), labeled: colour("class-1"), validation: colour("class-3"),
      "asked, no label": colour("class-7"), excluded: colour("class-2"), "never asked": none, "no score": none,
    },
    ground: colour("ground"), ink: colour("ink"), mark: colour("ink"),
  };
}

const selection = createSelection({
  map: () => map,
  field: () => map.columns.get(shown),
  changed: (rows) => { if (frameReady) tell({ kind: "select", rows: rows.length > MOST_MARKED ? new Uint32Array(0) : rows }); },
  look: (rows) => tell({ kind: "look", rows }),
  said,
});

async function load() { // the points, unless they are the same as before
  const answer = await fetch(view().points_address, { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {}, signal: AbortSignal.timeout(120000) });
  if (answer.status === 304) return false;
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 200).trim());
  map = decoded(await answer.arrayBuffer());
  map.rows = new Map();
  map.columns.get("id").numbers.forEach((id, row) => map.rows.set(id, row));
  etag = answer.headers.get("ETag");
  return true;
}

async function refresh() {
  const { run, revision: newest } = view();
  if (!run || newest === revision || !frameReady) return;
  element("map-box").hidden = element("map-tools").hidden = element("selection").hidden = false;
  const moved = revision === null || newest.split("/")[0] !== revision.split("/")[0];
  revision = newest;
  try {
    if (!(await load())) return;
    offerFields();
    selection.renew();
    draw(moved);
  } catch (error) {
    revision = null;
    say("The points did not come: " + error.message);
  }
}

function offerFields() {
  const fields = [...map.columns.values()].filter((column) => !["identity", "position"].includes(column.kind));
  if (!map.columns.has(shown)) shown = FIRST_COLOUR;
  element("colour").replaceChildren(...fields.map((column) => new Option(column.label, column.name, false, column.name === shown)));
}

function draw(all) { // all: the points too, not only their colours
  const column = map.columns.get(shown), look = theme(), { index, palette, legend, order } = coloured(column, look);
  say("Drawing…");
  const colours = { index, palette, order, theme: look };
  if (all) tell({ kind: "points", x: map.columns.get("x").numbers, y: map.columns.get("y").numbers, ...colours });
  else tell({ kind: "colours", ...colours });
  element("field-note").textContent = column.explanation;
  element("legend").replaceChildren(...legend.map((entry) => legendLine(entry, column)));
  const range = column.kind === "number" && column.low !== null;
  element("range").hidden = !range;
  if (range) [element("range-from").value, element("range-to").value] = [column.low, column.high].map((end) => Number(end.toFixed(3)));
}

function legendLine({ name, colour: own, count, value, scale, low, high }, column) {
  const line = document.createElement("li");
  if (scale) {
    const bar = Object.assign(document.createElement("canvas"), { width: scale.length, height: 1 }), pen = bar.getContext("2d");
    scale.forEach((step, x) => { pen.fillStyle = step; pen.fillRect(x, 0, 1, 1); });
    const ends = Object.assign(document.createElement("p"), { className: "ends" });
    ends.append(...[low, high].map((end) => Object.assign(document.createElement("span"), { textContent: Number(end.toFixed(3)) })));
    line.append(bar, ends);
    return line;
  }
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const dot = Object.assign(document.createElement("span"), { className: "dot" });
  dot.style.background = own;
  const words = Object.assign(document.createElement("span"), { textContent: name });
  const number = Object.assign(document.createElement("span"), { className: "number", textContent: count ?? "" });
  button.append(dot, words, number);
  button.disabled = value === null || value === undefined;
  button.title = button.disabled ? "" : "Select these images";
  button.addEventListener("click", () => selection.choose(matching(column, { value })));
  line.append(button);
  return line;
}

function showHover({ row, x, y }) {
  const id = map.columns.get("id").numbers[row], box = element("map-plot").getBoundingClientRect();
  hover.querySelector("img").src = "/images/" + id + "/thumbnail.jpg?px=256";
  const field = map.columns.get(shown);
  hover.querySelector("figcaption").textContent = "Image " + id + ": " + (shown === "state" ? "" : said(map.columns.get("state"), row) + "; " + field.label + " ") + said(field, row);
  hover.hidden = false;
  hover.style.left = Math.max(0, Math.min(x + 14, box.width - 180)) + "px";
  hover.style.top = Math.max(0, Math.min(y + 14, box.height - 230)) + "px";
}

const isRow = (row) => map !== null && Number.isInteger(row) && row >= 0 && row < map.head.points;
const heard = {
  ready() { frameReady = true; refresh(); },
  drawn() { say(map.head.points.toLocaleString("en") + " images"); document.documentElement.dataset.map = "drawn"; },
  coloured() { heard.drawn(); },
  over({ row, x, y }) { if (isRow(row) && Number.isFinite(x) && Number.isFinite(y)) showHover({ row, x, y }); },
  out() { hover.hidden = true; },
  selected({ rows }) {
    if (!(rows instanceof Uint32Array) || !rows.every(isRow)) return;
    selection.choose(rows, { fromMap: true });
    if (rows.length === 1) selection.open(map.columns.get("id").numbers[rows[0]]);
  },
  failed({ words }) { say("The map cannot be drawn here (" + String(words).slice(0, 200) + "). Legend, search and list work without it."); },
};

addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow || event.origin !== "null") return;
  if (typeof event.data === "object" && event.data !== null && Object.hasOwn(heard, event.data.kind)) heard[event.data.kind](event.data);
});
// The page does not style what has the focus inside of a frame.
addEventListener("blur", () => setTimeout(() => frame.classList.toggle("reached", document.activeElement === frame)));
addEventListener("focus", () => frame.classList.remove("reached"));
frame.src = frame.dataset.src; // only now, so that nothing it says is missed

element("colour").addEventListener("change", (event) => { shown = event.target.value; draw(false); selection.renew(); });
element("whole").addEventListener("click", () => draw(true));
for (const [id, mode] of [["move", "panZoom"], ["lasso", "lasso"]]) {
  element(id).addEventListener("click", () => {
    tell({ kind: "mode", mode });
    for (const each of ["move", "lasso"]) element(each).setAttribute("aria-pressed", String(each === id));
  });
}
element("range").addEventListener("submit", (event) => {
  event.preventDefault();
  selection.choose(matching(map.columns.get(shown), { from: Number(element("range-from").value), to: Number(element("range-to").value) }));
});
document.addEventListener("maskloop:swapped", (event) => { if (event.detail === "map-view") refresh(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (map) draw(false); });

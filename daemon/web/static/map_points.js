// Reads the block of points (daemon/insight/map_columns.py), and turns a column into colours.
// Pure: no document, no request.

const TYPES = { uint8: Uint8Array, int16: Int16Array, int32: Int32Array, float16: Uint16Array };
const STEPS = 64; // of the scale of a number

// float16 as bits -> number; by a table, as not every browser has Float16Array
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, part = bits & 1023;
  if (exponent === 31) return part ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
});

export function decoded(buffer) { // -> { head, columns: Map of name -> { ...column, numbers } }
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  if (head.format !== "maskloop-map-1") throw new Error("the points are of another release: load the page again");
  const columns = new Map();
  for (const column of head.columns) {
    const raw = new TYPES[column.type](buffer, 4 + length + column.offset, head.points);
    const numbers = column.type === "float16" ? Float32Array.from(raw, (bits) => HALVES[bits]) : raw;
    columns.set(column.name, { ...column, numbers });
  }
  return { head, columns };
}

// -> { index: per point, palette: colours, legend: [{ name, colour, count, value }], order }
// order: rows in the order of drawing, frequent names first, so that rare ones lie on top.
export function coloured(column, theme) {
  if (column.kind === "number") return scaled(column, theme);
  return column.kind === "group" ? grouped(column, theme) : named(column, theme);
}

function named({ numbers, values }, theme) {
  const counts = new Array(values.length).fill(0);
  for (const value of numbers) counts[value]++;
  const palette = values.map((name, i) => theme.names[name] ?? theme.series[i % theme.series.length]);
  const legend = values.map((name, value) => ({ name, value, colour: palette[value], count: counts[value] })).filter((entry) => entry.count);
  const places = counts.map((_, value) => value).sort((a, b) => counts[b] - counts[a]);
  const starts = new Array(values.length).fill(0);
  let next = 0;
  for (const value of places) { starts[value] = next; next += counts[value]; }
  const order = new Uint32Array(numbers.length);
  numbers.forEach((value, row) => { order[starts[value]++] = row; });
  return { index: numbers, palette, legend, order };
}

function scaled({ numbers, low, high }, theme) {
  const index = new Uint8Array(numbers.length), span = high - low || 1;
  let missing = 0;
  numbers.forEach((number, row) => {
    const known = number >= 0; // NaN and -1 are not known
    missing += !known;
    index[row] = known ? 1 + Math.round((STEPS - 1) * Math.min(1, Math.max(0, (number - low) / span))) : 0;
  });
  const ramp = Array.from({ length: STEPS }, (_, step) => mixed(theme.scale, step / (STEPS - 1)));
  const legend = low === null ? [] : [{ name: "", scale: ramp, low, high }];
  if (missing) legend.push({ name: "not known", colour: theme.none, count: missing, value: null });
  return { index, palette: [theme.none, ...ramp], legend, order: null };
}

function grouped({ numbers }, theme) {
  const index = new Uint8Array(numbers.length), groups = new Set();
  let alone = 0;
  numbers.forEach((group, row) => {
    if (group < 0) { alone++; return; }
    groups.add(group);
    index[row] = 1 + ((group * 2654435761) >>> 0) % theme.series.length; // spread over the colours
  });
  const legend = [{ name: groups.size + " groups, " + (numbers.length - alone) + " images", colour: theme.series[0], value: null }];
  if (alone) legend.push({ name: "like no other", colour: theme.none, count: alone, value: -1 });
  return { index, palette: [theme.none, ...theme.series], legend, order: null };
}

function mixed(stops, share) { // of #rrggbb stops
  const place = share * (stops.length - 1), left = Math.min(Math.floor(place), stops.length - 2), part = place - left;
  const channel = (colour, i) => parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  return "#" + [0, 1, 2].map((i) => Math.round(channel(stops[left], i) * (1 - part) + channel(stops[left + 1], i) * part).toString(16).padStart(2, "0")).join("");
}

export function matching(column, { value, from, to }) { // rows whose name is value, or whose number lies between
  const rows = [];
  column.numbers.forEach((number, row) => {
    if (value !== undefined ? number === value : number >= from && number <= to) rows.push(row);
  });
  return Uint32Array.from(rows);
}

export function said(column, row) { // the value of a point, as people read it
  const number = column.numbers[row];
  if (column.kind === "category") return column.values[number] ?? "";
  if (Number.isNaN(number) || number < 0) return column.kind === "group" ? "like no other" : "not known";
  return column.type === "float16" ? number.toFixed(3) : String(number);
}

// Runs in the sandboxed frame of the map: it draws the points that the page sends by messages, and says
// back which of them are pointed at or selected. It knows rows of points only, no image.
"use strict";

(() => {
  const canvas = document.getElementById("points");
  let plot = null, rows = [], ready = Promise.resolve(), pointer = [0, 0], quiet = false, moved = false;

  const tell = (message) => parent.postMessage(message, "*"); // rows of points: nothing to hide
  const size = (points) => (points > 200000 ? 1.6 : points > 20000 ? 2.4 : points > 2000 ? 4 : 6);

  function made(points, colours) {
    const scatter = scatterplot.default({
      canvas, width: innerWidth, height: innerHeight, performanceMode: points > 300000,
      spatialIndexUseWorker: false, // the policy of the frame allows no worker
      pointSize: size(points), pointSizeSelected: 3, pointOutlineWidth: 2, opacity: points > 20000 ? 0.7 : 1,
      lassoMinDelay: 8, lassoMinDist: 3, ...themed(colours),
    });
    scatter.subscribe("pointOver", (row) => tell({ kind: "over", row, x: pointer[0], y: pointer[1] }));
    scatter.subscribe("pointOut", () => tell({ kind: "out" }));
    scatter.subscribe("select", ({ points: found }) => { if (!quiet) tell({ kind: "selected", rows: Uint32Array.from(found) }); });
    scatter.subscribe("deselect", () => { if (!quiet) tell({ kind: "selected", rows: new Uint32Array(0) }); });
    return scatter;
  }

  async function whole() {
    if (rows.length > 1) await plot.zoomToPoints([...rows.keys()], { padding: 0.06 });
  }

  function themed({ ground, ink, mark }) {
    document.documentElement.style.background = ground;
    return { backgroundColor: ground, lassoColor: mark, pointColorActive: mark, pointColorHover: ink };
  }

  async function coloured({ index, palette, order }, first) {
    for (let row = 0; row < rows.length; row++) rows[row][2] = index[row];
    const spatialIndex = first ? undefined : plot.get("spatialIndex");
    plot.set({ pointColor: palette.length > 1 ? palette : [palette[0], palette[0]], colorBy: "valueA", pointOrder: order ? Array.from(order) : null });
    const selected = plot.get("selectedPoints");
    await plot.draw(rows, { zDataType: "categorical", spatialIndex, select: selected.length ? selected : undefined });
  }

  const doing = {
    async points(message) {
      plot?.destroy();
      plot = made(message.x.length, message.theme);
      moved = false;
      rows = Array.from(message.x, (x, row) => [x, message.y[row], 0, 0]);
      await coloured(message, true);
      await whole();
      tell({ kind: "drawn", points: rows.length });
    },
    async colours(message) {
      plot.set(themed(message.theme));
      await coloured(message, false);
      tell({ kind: "coloured" });
    },
    select({ rows: chosen }) { // chosen on the page: not said back
      if (!plot) return;
      quiet = true;
      if (chosen.length) plot.select(Array.from(chosen), { preventEvent: true });
      else plot.deselect({ preventEvent: true });
      quiet = false;
    },
    mode({ mode }) { plot?.set({ mouseMode: mode }); },
    look({ rows: chosen }) { return plot?.zoomToPoints(Array.from(chosen), { padding: 0.5, transition: true, transitionDuration: 300 }); },
  };

  addEventListener("message", (event) => {
    if (event.source !== parent || !Object.hasOwn(doing, event.data?.kind)) return;
    ready = ready.then(() => doing[event.data.kind](event.data)).catch((error) => tell({ kind: "failed", words: String(error.message || error) }));
  });
  for (const hand of ["wheel", "pointerdown"]) addEventListener(hand, () => { moved = true; }, { passive: true });
  addEventListener("pointermove", (event) => { pointer = [event.clientX, event.clientY]; });
  new ResizeObserver(() => { // of the frame: the library fixes the size of the canvas
    if (!plot) return;
    plot.set({ width: innerWidth, height: innerHeight });
    if (!moved) whole();
  }).observe(document.documentElement);

  // arrows move the view, + and - make it larger and smaller, 0 shows all
  const KEYS = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
  addEventListener("keydown", (event) => {
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    moved = moved || event.key !== "0";
    const step = KEYS[event.key], closer = { "+": 0.75, "=": 0.75, "-": 1 / 0.75 }[event.key], distance = plot.get("cameraDistance");
    if (event.key === "0") whole();
    else if (step) plot.zoomToLocation([0, 1].map((axis) => plot.get("cameraTarget")[axis] + step[axis] * distance), distance);
    else if (closer) plot.zoomToLocation(plot.get("cameraTarget").slice(0, 2), distance * closer);
    else return;
    event.preventDefault();
  });

  const context = document.createElement("canvas").getContext("webgl");
  if (context) tell({ kind: "ready" });
  else tell({ kind: "failed", words: "this browser has no WebGL" });
})();

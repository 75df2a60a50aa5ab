// Runs in the sandboxed frame of the map: it draws the points that the page sends by messages, and says
// back which of them are pointed at or selected. It knows rows of points only, no image.
"use strict";

(() => {
  const canvas = document.getElementById("points");
  let plot = null, rows = [], ready = Promise.resolve(), pointer = [0, 0], quiet = false;

  const tell = (message) => parent.postMessage(message, "*"); // rows of points: nothing to hide
  const size = (points) => (points > 200000 ? 1.6 : points > 20000 ? 2.4 : points > 2000 ? 4 : 6);

  function made(points, colours) {
    const box = canvas.getBoundingClientRect();
    const scatter = scatterplot.default({
      canvas, width: box.width, height: box.height, performanceMode: points > 300000,
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
      rows = Array.from(message.x, (x, row) => [x, message.y[row], 0, 0]);
      await coloured(message, true);
      if (rows.length > 1) await plot.zoomToPoints(rows.keys().toArray?.() ?? [...rows.keys()], { padding: 0.06 });
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
  addEventListener("pointermove", (event) => { pointer = [event.clientX, event.clientY]; });
  new ResizeObserver(() => {
    const box = canvas.getBoundingClientRect();
    plot?.set({ width: box.width, height: box.height });
  }).observe(canvas);

  const context = document.createElement("canvas").getContext("webgl");
  if (context) tell({ kind: "ready" });
  else tell({ kind: "failed", words: "this browser has no WebGL" });
})();

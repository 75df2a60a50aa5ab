// The images that are selected on the map, as a list that keyboard and screen reader reach; one image in
// detail, with those that are most alike; the search by name and by likeness.

import { ask } from "./commands.js";

const PAGE = 50; // images that the list grows by
const MOST_ALIKE = 50; // images that are selected beside the one that they are like
const MOST_ASKED = 20000; // images of one command
const VERBS = {
  ask_next: { title: "Ask people to label %, before every batch and within the budget?", go: "Ask next" },
  exclude: { title: "Leave % out of the pool? They are not asked, trained on or scored any more; maskloop ask include takes them back.", go: "Exclude" },
};
const element = (id) => document.getElementById(id);
const thumbnail = (id, px) => "/images/" + id + "/thumbnail.jpg?px=" + px;
const percent = (share) => (100 * share).toFixed(1) + "\u00a0%";

async function asked(address) {
  const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(30000) });
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 200).trim());
  return answer.json();
}

function made(tag, parts) {
  return Object.assign(document.createElement(tag), parts);
}

function keepFocusIn(drawer) { // Tab goes round in it; Escape leaves it
  drawer.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const all = [...drawer.querySelectorAll("a[href], button")], ends = event.shiftKey ? [all[0], all.at(-1)] : [all.at(-1), all[0]];
    const outside = document.activeElement === ends[0] || (event.shiftKey && !all.includes(document.activeElement));
    if (!outside) return;
    event.preventDefault();
    ends[1].focus();
  });
}

export function createSelection({ map, field, changed, look, said }) {
  let opened = null, ids = [], listed = 0, turn = 0, verb = null, before = null, asking = null;

  const rowsOf = (some) => Uint32Array.from(some.map((id) => map().rows.get(id)).filter((row) => row !== undefined));

  function choose(rows, { fromMap = false } = {}) {
    const numbers = map().columns.get("id").numbers;
    chooseIds(Array.from(rows, (row) => numbers[row]), fromMap);
  }

  function chooseIds(some, fromMap) {
    [ids, listed, turn] = [some, 0, turn + 1];
    element("selected").replaceChildren();
    element("selection-answer").textContent = "";
    element("reason").hidden = true;
    element("selection-title").textContent = ids.length ? (images(ids.length) + (ids.length === 1 ? " is selected" : " are selected")) : "No image is selected";
    element("selection-tools").hidden = element("selection-box").hidden = !ids.length;
    element("selection-help").hidden = ids.length > 0;
    if (!fromMap) changed(rowsOf(ids));
    more();
  }

  async function more() { // the next images of the list
    const mine = turn, next = ids.slice(listed, listed + PAGE), label = field().label;
    element("selection-field").textContent = label === "state" ? "" : label;
    if (!next.length) { element("more").hidden = true; return; }
    listed += next.length;
    try {
      const { images } = await asked("/map/images.json?ids=" + next.join(","));
      if (mine !== turn) return; // something else was selected meanwhile
      const lines = images.map(tableRow), hadFocus = document.activeElement === element("more");
      element("selected").append(...lines);
      element("more").hidden = listed >= ids.length;
      if (hadFocus) lines[0]?.querySelector("button")?.focus();
      element("more").textContent = "Show more (" + (ids.length - listed).toLocaleString("en") + " left)";
    } catch (error) {
      element("selection-answer").textContent = "The list did not come: " + error.message;
    }
  }

  function tableRow({ id, name }) {
    const line = made("tr", {}), row = map().rows.get(id), button = made("button", { type: "button", textContent: name });
    button.addEventListener("click", () => open(id));
    const cells = [made("img", { src: thumbnail(id, 64), alt: "", loading: "lazy" }), button, said(map().columns.get("state"), row), field().name === "state" ? "" : said(field(), row)];
    for (const content of cells) {
      const cell = made("td", {});
      cell.append(content);
      line.append(cell);
    }
    return line;
  }

  async function open(id) {
    opened = id;
    try {
      show(await asked("/map/images/" + id + ".json"));
      const { images } = await asked("/map/similar/" + id + ".json");
      element("similar").replaceChildren(...images.map(similarLine));
    } catch (error) {
      element("selection-answer").textContent = "The image did not come: " + error.message;
    }
  }

  function show(image) {
    element("image-name").textContent = image.name;
    element("image-link").href = thumbnail(image.id, 2048);
    Object.assign(element("image-picture"), { src: thumbnail(image.id, 512), alt: "Image " + image.name });
    const shares = Object.entries(image.shares).sort((a, b) => b[1] - a[1]).slice(0, 6);
    const facts = [
      ["Number", String(image.id)], ["State", image.state + (image.role_reason ? ": " + image.role_reason : "")], ["Size", image.size],
      ...image.asked.map((one) => ["Cycle " + one.cycle, one.arm + ", " + one.state + ": " + one.reason]),
      ["Uncertainty", image.uncertainty === null ? "not scored yet" : image.uncertainty.toFixed(3) + ", above " + percent(image.uncertainty_above) + " of the scored images"],
      ...(shares.length ? [["Predicted", shares.map(([name, share]) => name + " " + percent(share)).join(", ")]] : []),
    ];
    element("image-list").replaceChildren(...facts.flatMap(([name, value]) => [made("dt", { textContent: name }), made("dd", { textContent: value })]));
    element("similar").replaceChildren();
    if (element("image-facts").hidden) before = document.activeElement;
    element("image-facts").hidden = false;
    element("image-name").focus();
  }

  function similarLine({ id, name, similarity }) {
    const line = made("li", {}), button = made("button", { type: "button", title: name });
    button.append(made("img", { src: thumbnail(id, 128), alt: "" }), made("span", { textContent: name }), made("span", { textContent: "similarity " + similarity.toFixed(3) }));
    button.addEventListener("click", () => { open(id); const row = map().rows.get(id); if (row !== undefined) changed(Uint32Array.of(row)); });
    line.append(button);
    return line;
  }

  async function search(text) {
    try {
      const { images } = await asked("/map/search.json?name=" + encodeURIComponent(text));
      const some = images.map((image) => image.id).filter((id) => map().rows.has(id));
      chooseIds(some, false);
      if (some.length) look(rowsOf(some));
      element("selection-answer").textContent = images.length ? (images.length === 100 ? "The first 100 images with this name." : "") : "No image has this in its name.";
    } catch (error) {
      element("selection-answer").textContent = "The search did not come back: " + error.message;
    }
  }

  async function searchAlike() { // the nearest to the opened image, itself among them
    const id = opened;
    try {
      const { images } = await asked("/map/similar/" + id + ".json?n=" + MOST_ALIKE);
      const some = [id, ...images.map((image) => image.id)].filter((one) => map().rows.has(one));
      chooseIds(some, false);
      if (some.length) look(rowsOf(some));
      element("selection-answer").textContent = images.length ? "Most alike first." : "This image is not on the map yet.";
    } catch (error) {
      element("selection-answer").textContent = "The search did not come back: " + error.message;
    }
  }

  const images = (count) => (count === 1 ? "1 image" : count.toLocaleString("en") + " images");

  function prepare(name) { // a command is given with a second press, beside its reason
    [verb, asking] = [name, document.activeElement];
    if (ids.length > MOST_ASKED) { element("selection-answer").textContent = "One command takes at most " + images(MOST_ASKED) + "; select fewer."; return; }
    element("reason-title").textContent = VERBS[name].title.replace("%", images(ids.length));
    element("reason-go").textContent = VERBS[name].go;
    element("reason").hidden = false;
    element("reason-text").focus();
  }

  function closeReason() { // and go back to the button that opened it
    element("reason").hidden = true;
    asking?.focus?.();
  }

  async function carryOut() {
    closeReason();
    element("selection-answer").textContent = "Asked; the next tick of the loop carries it out…";
    try {
      const { outcome } = await ask(verb, { ids, reason: element("reason-text").value.trim() });
      element("selection-answer").textContent = outcome || "It waits for the loop; see the events on the overview.";
    } catch (error) {
      element("selection-answer").textContent = "Not done: " + error.message;
    }
  }

  for (const button of document.querySelectorAll("[data-verb]")) button.addEventListener("click", () => prepare(button.dataset.verb));
  element("reason").addEventListener("submit", (event) => { event.preventDefault(); carryOut(); });
  element("reason-cancel").addEventListener("click", closeReason);
  element("search").addEventListener("submit", (event) => { event.preventDefault(); search(element("search-text").value); });
  element("select-similar").addEventListener("click", searchAlike);
  element("more").addEventListener("click", more);
  element("clear").addEventListener("click", () => { chooseIds([], false); element("search-text").focus(); });
  function close() { // and go back to where the image was opened
    element("image-facts").hidden = true;
    before?.focus?.();
  }

  element("close-image").addEventListener("click", close);
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (!element("image-facts").hidden) close();
    else if (!element("reason").hidden) closeReason();
  });
  keepFocusIn(element("image-facts"));
  element("export").addEventListener("click", (event) => {
    const link = event.currentTarget;
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([ids.join("\n") + "\n"], { type: "text/plain" }));
  });

  return { choose, open, ids: () => [...ids], renew: () => chooseIds(ids.filter((id) => map().rows.has(id)), false) };
}

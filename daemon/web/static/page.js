// Keeps a page fresh: it polls the page's JSON twin and, when that has changed, fetches the page again
// and swaps the sections marked data-live that differ. So the templates alone say how it looks. Each
// swapped section is announced by the event maskloop:swapped, with its id.
"use strict";

const POLL_MS = 2000;
const STATUS = "/api/v1/overview"; // says whether a daemon works
const TWIN = document.querySelector('link[rel="alternate"][type="application/json"]').getAttribute("href");

const served = new Map(); // id of a live section -> its HTML as the server sent it
let lastTwin = null, lastAnswer = null;

function ago(stamp) {
  const seconds = Math.max(0, (Date.now() - Date.parse(stamp)) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
  if (seconds < 172800) return Math.floor(seconds / 3600) + " h ago";
  return Math.floor(seconds / 86400) + " days ago";
}

function showAges() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const age = ago(time.dateTime);
    if (time.textContent !== age) time.textContent = age;
  }
}

function remember(page) {
  for (const section of page.querySelectorAll("[data-live]")) served.set(section.id, section.innerHTML);
}

// What the keyboard can reach, in order.
const reachable = (section) => [...section.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
const named = (one) => [one.tagName, one.id, one.name, one.getAttribute("href"), one.dataset.verb, one.id ? "" : one.textContent].join("|");

function focusIn(section) { // -> a function that gives the focus to what has taken the place of what had it
  const before = document.activeElement;
  if (before === section || !section.contains(before)) return () => {};
  const place = reachable(section).indexOf(before), name = named(before);
  return () => {
    const now = reachable(section), same = now.filter((one) => named(one) === name);
    (same[0] ?? now[Math.min(place, now.length - 1)])?.focus({ preventScroll: true });
  };
}

function chosenIn(section) { // -> a function that enters again what a person chose or wrote
  const controls = [...section.querySelectorAll("select[id], input[id]")].map(({ id, value }) => ({ id, value }));
  return () => controls.forEach(({ id, value }) => {
    const now = document.getElementById(id);
    if (now && (now.tagName !== "SELECT" || [...now.options].some((option) => option.value === value))) now.value = value;
  });
}

function swap(fresh) { // keeps focus, choices, what is unfolded and how far it is scrolled
  for (const section of fresh.querySelectorAll("[data-live]")) {
    if (served.get(section.id) === section.innerHTML) continue;
    served.set(section.id, section.innerHTML);
    const shown = document.getElementById(section.id);
    const open = [...shown.querySelectorAll("details[open]")].map((details) => details.id);
    const scrolled = [...shown.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    const chooseAgain = chosenIn(shown), focusAgain = focusIn(shown);
    shown.replaceChildren(...section.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    chooseAgain();
    focusAgain();
    shown.querySelectorAll(".scroll").forEach((box, i) => { if (scrolled[i]) [box.scrollLeft, box.scrollTop] = scrolled[i]; });
    document.dispatchEvent(new CustomEvent("maskloop:swapped", { detail: section.id }));
  }
  document.title = fresh.title;
}

async function fetched(address) {
  const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (answer.status === 401) location.reload(); // the session has ended: the page leads to the sign-in
  if (!answer.ok) throw new Error(refusal(await answer.text()));
  return answer.text();
}

function refusal(text) { // JSON of an address for programs, else the text
  try { text = String(JSON.parse(text).error); } catch { /* it is text */ }
  return text.slice(0, 200).trim();
}

async function refresh() {
  const link = document.getElementById("link");
  try {
    const twin = await fetched(TWIN);
    if (twin !== lastTwin) swap(new DOMParser().parseFromString(await fetched(location.pathname + location.search), "text/html"));
    const status = TWIN === STATUS ? twin : await fetched(STATUS);
    [lastTwin, lastAnswer] = [twin, Date.now()];
    const { daemon, incidents } = JSON.parse(status); // the page may answer where no daemon does
    const broken = incidents.length ? incidents[0].source + " does not work" : "";
    const idle = daemon.state === "never ran";
    const lost = (idle ? "" : daemon.words) || broken;
    link.textContent = lost || (idle ? "not started" : "live");
    link.title = "";
    link.className = lost ? "link lost" : idle ? "link" : "link live";
  } catch (error) {
    link.textContent = "no answer from Maskloop" + (lastAnswer ? " since " + new Date(lastAnswer).toLocaleTimeString() : "");
    link.title = String(error.message || error);
    link.className = "link lost";
  }
  showAges();
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MS);
}

remember(document);
showAges();
poll();

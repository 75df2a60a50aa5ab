// The buttons of the models' pages: each asks the loop to do something (commands.js), and #answer says
// what became of it. A page that does not keep itself fresh is loaded again when it was done.
import { ask } from "./commands.js";

async function answer(verb, values, control) {
  if (control.getAttribute("aria-busy") === "true") return;
  const words = document.getElementById("answer");
  words.hidden = false;
  words.className = "answer";
  words.textContent = "Asked; the next tick of the daemon does it.";
  control.setAttribute("aria-busy", "true"); // not disabled: the keyboard would lose its place
  try {
    const { outcome, state } = await ask(verb, values);
    words.textContent = outcome || "It waits for the daemon.";
    if (state === "done" && !document.querySelector("[data-live]")) location.reload();
  } catch (error) {
    words.textContent = error.message;
    words.className = "answer failed";
  }
  control.removeAttribute("aria-busy");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-verb]");
  if (!button) return;
  const cycle = button.dataset.cycle;
  answer(button.dataset.verb, cycle ? { cycle: Number(cycle) } : {}, button);
});
document.getElementById("note-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = document.getElementById("note").value.trim();
  if (text) answer("note_model", { cycle: Number(event.target.dataset.cycle), text }, event.submitter ?? event.target.querySelector("button"));
});

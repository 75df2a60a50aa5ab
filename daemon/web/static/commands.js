// Asks the loop to do something: `await ask("exclude", { ids: [3], reason: "blurred" })`. The next tick
// carries it out; the promise is fulfilled with the command once it is done, or when it waits on for a
// reason that its outcome says. It is rejected with a sentence where the command is refused or fails.
const PATH = "/api/v1/commands";
const POLL_MS = 500;
const LONGEST_WAIT_MS = 60000;

async function answered(address, options = {}) {
  const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(10000), ...options });
  const found = await answer.json().catch(() => ({}));
  if (answer.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (!answer.ok) throw new Error(found.error || `Maskloop answered ${answer.status}`);
  return found;
}

export async function ask(verb, values = {}) {
  const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  const { id } = await answered(PATH, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: JSON.stringify({ verb, arguments: values }),
  });
  const deadline = Date.now() + LONGEST_WAIT_MS;
  for (;;) {
    const command = await answered(`${PATH}/${id}`);
    if (command.state === "done") return command;
    if (command.state !== "waiting") throw new Error(command.outcome);
    if (command.outcome || Date.now() > deadline) return command;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

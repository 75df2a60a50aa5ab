// Signs in with a token, or with the one-time code behind the # of the address, which no server sees.
const SESSION = "/api/v1/session";
const outcome = document.getElementById("outcome");
const form = document.getElementById("sign-in");

function goOn() { // to the page that was wanted, if it is one of ours
  const wanted = new URL(new URLSearchParams(location.search).get("next") || "/", location.origin);
  location.replace(wanted.origin === location.origin ? wanted.pathname + wanted.search : "/");
}

async function signIn(proof) {
  try {
    const answer = await fetch(SESSION, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(proof),
      signal: AbortSignal.timeout(10000),
    });
    const found = await answer.json().catch(() => ({}));
    if (answer.ok) return goOn();
    outcome.textContent = `Not signed in: ${found.error || answer.status}.`;
  } catch {
    outcome.textContent = "Not signed in: Maskloop does not answer.";
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn({ token: document.getElementById("token").value });
});

async function useLink() {
  const code = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search); // it stays in no history
  await signIn({ code });
}

window.addEventListener("hashchange", useLink);
if (location.hash.length > 1) {
  await useLink();
} else {
  const known = await fetch(SESSION, { cache: "no-store" }).then((answer) => answer.json()).catch(() => ({}));
  if (known.role) goOn(); // a link from elsewhere came without the cookie, which this request has
}

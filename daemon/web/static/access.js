// The button that ends the session.
document.getElementById("sign-out")?.addEventListener("click", async () => {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  await fetch("/api/v1/session", { method: "DELETE", headers: { "X-CSRF-Token": token } });
  location.reload();
});

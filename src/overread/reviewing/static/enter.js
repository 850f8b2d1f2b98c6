// The first visit: the token in the address becomes a cookie, and leaves the address bar at once.

const words = document.querySelector("#words");
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

async function enter() {
  const answer = token ? await redeem() : await fetch("/api/session");
  if (answer.ok) return location.replace("/");
  const told = await answer.json().catch(() => ({}));
  words.textContent = token ? told.error ?? "This link is not valid." : "Ask whoever runs this review for a link. It opens here once, and this browser is then known.";
}

function redeem() {
  return fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
}

enter().catch(() => {
  words.textContent = "The server cannot be reached. Reload this page when it runs again.";
});

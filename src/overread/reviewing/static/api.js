// Talking to the server. An error carries `status`, and `away` where trying again later may help.

const LIMIT = 20000; // milliseconds
const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class Refusal extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
    this.away = status === 0 || status >= 500 || [401, 408, 429].includes(status); // to be tried again later
  }
}

export const get = (path) => talk(path, {});
export const post = (path, body) =>
  talk(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });

// The bytes behind a path.
export async function bytes(path) {
  return new Uint8Array(await (await reached(path, {})).arrayBuffer());
}

async function talk(path, options) {
  const answer = await reached(path, options);
  try {
    return await answer.json();
  } catch {
    throw new Refusal("The server's answer was cut short.", 0);
  }
}

async function reached(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, credentials: "same-origin", signal: AbortSignal.timeout(LIMIT) });
  } catch {
    throw new Refusal("The server cannot be reached.", 0);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refusal(told.error ?? `The server answered ${answer.status}.`, answer.status);
}

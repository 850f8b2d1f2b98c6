// Building the page: text is only ever set as text, so a class called <img onerror=...> is shown, not run.

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

// make("p", {class: "quiet", hidden: false, onclick: f}, "text", otherElement, null)
export function make(tag, wanted = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(wanted)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Replaces what an element holds.
export function put(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// "3 items", "1 item"
export function counted(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

export function percent(share) {
  if (share === null || share === undefined) return "";
  return share > 0.995 && share < 1 ? "over 99 %" : `${Math.round(100 * share)} %`;
}

// Seconds as people say them.
export function duration(seconds) {
  if (seconds < 60) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}

// The keyboard: which key does what, and the map that ? shows.

// [keys as the browser names them, shown, what it does, action, only for "labels", "masks" or all]
export const KEYS = [
  [["1", "2", "3", "4", "5", "6", "7", "8", "9"], "1–9", "Say this class", "digit", "labels"],
  [["Enter"], "Enter", "Keep the given label; after a reveal: go on", "keep", "labels"],
  [["Enter"], "Enter", "Save the mask as it stands on the screen", "keep", "masks"],
  [["a"], "A", "Accept the suggested mask", "accept", "masks"],
  [["u"], "U", "Unsure", "unsure"],
  [["x"], "X", "Unreadable image", "unreadable"],
  [["o"], "O", "Out of scope: does not belong here", "out-of-scope"],
  [["l"], "L", "Later: comes back at the end", "skip"],
  [["z"], "Z", "Take back the last answer", "undo", "labels"],
  [["z"], "Z", "Take back the last stroke, then the last answer", "undo", "masks"],
  [["y", "Z"], "Y", "Stroke again", "redo", "masks"],
  [["ArrowLeft"], "←", "Earlier answers", "earlier"],
  [["ArrowRight"], "→", "Forward, without answering", "forward"],
  [["n"], "N", "Write a note with the answer", "note"],
  [["+", "="], "+", "Zoom in", "zoom-in"],
  [["-"], "−", "Zoom out", "zoom-out"],
  [["0"], "0", "Fit the image", "fit"],
  [["w"], "W", "Next window (level and width)", "window"],
  [["i"], "I", "Invert", "invert"],
  [["b"], "B", "Brush", "brush", "masks"],
  [["e"], "E", "Eraser", "eraser", "masks"],
  [["f"], "F", "Fill a closed outline", "fill", "masks"],
  [["p"], "P", "Remove a part", "part", "masks"],
  [["m"], "M", "Move the image", "pan", "masks"],
  [["["], "[", "Smaller brush", "smaller", "masks"],
  [["]"], "]", "Larger brush", "larger", "masks"],
  [["g"], "G", "Start from the given mask", "use-given", "masks"],
  [["s"], "S", "Start from the suggested mask", "use-suggested", "masks"],
  [["d"], "D", "Show or hide the doubt", "doubt", "masks"],
  [["h"], "H", "Hold: hide the masks", "hide", "masks"],
  [["?"], "?", "This map", "help"],
];

// Calls act(action, key) for a key; act answers false where it did nothing. `letGo(action)`: the key was released.
export function listen(task, act, letGo) {
  const mine = KEYS.filter(([, , , , only]) => !only || only === task);
  const find = (event) => {
    const key = event.key.length === 1 && event.key !== "Z" ? event.key.toLowerCase() : event.key;
    return mine.find(([keys]) => keys.includes(key))?.[3];
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.defaultPrevented || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("button, a, summary, input, select")) return;
    const action = find(event);
    if (!action || (event.repeat && !["zoom-in", "zoom-out", "larger", "smaller"].includes(action))) return;
    if (act(action, event.key) !== false) event.preventDefault();
  });
  addEventListener("keyup", (event) => {
    const action = find(event);
    if (action) letGo(action);
  });
}

// Whether keys belong to the field that has the focus.
function typing(element) {
  if (element.matches("textarea, select, [contenteditable]")) return true;
  return element.matches("input") && !["checkbox", "radio", "button"].includes(element.type);
}

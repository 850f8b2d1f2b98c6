// Runs before the page is painted: dark unless the reader chose light.
(() => {
  const KEY = "overread-theme";
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is barred; the choice then lasts as long as the page
    }
  };
  root.dataset.theme = stored() === "light" ? "light" : "dark";
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    try {
      localStorage.setItem(KEY, root.dataset.theme);
    } catch {
      // see above
    }
  });
})();

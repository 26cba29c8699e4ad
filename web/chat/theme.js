// Light, dark, or as the system: remembered on this device.

const KEY = "parlance.theme";
const PAPER = { light: "#f5f5f2", dark: "#131517" };
export const THEMES = { system: "As the system", light: "Light", dark: "Dark" };

let chosen = "system";
try {
  const kept = localStorage.getItem(KEY);
  if (kept in THEMES) chosen = kept;
} catch {
  // A browser that keeps nothing: the choice lives as long as the page.
}

export function theme() {
  return chosen;
}

export function setTheme(name) {
  chosen = name;
  showTheme();
  try {
    if (name === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, name);
  } catch {
    // As above.
  }
}

export function showTheme() {
  const name = theme();
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
    meta.content = PAPER[name] ?? PAPER[meta.media.includes("dark") ? "dark" : "light"];
  }
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  chosen = event.newValue in THEMES ? event.newValue : "system";
  showTheme();
});

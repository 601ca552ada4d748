// The button that changes between light, dark and the system's choice. Remembered in a cookie that the server reads, as is
// the time zone, so that "today" begins at this person's midnight.
import { eraseDrafts } from "/static/keying/drafts.js";

const ORDER = ["system", "light", "dark"];

export function nextTheme(theme) {
  return ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `timezone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;

function show(button, theme) {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
}

for (const button of document.querySelectorAll("[data-theme-button]")) {
  button.hidden = false;
  button.addEventListener("click", () => show(button, nextTheme(document.documentElement.dataset.theme ?? "system")));
  button.textContent = `Theme: ${document.documentElement.dataset.theme ?? "system"}`;
}

document.querySelector('form[action="/signout"]')?.addEventListener("submit", () => eraseDrafts(localStorage));

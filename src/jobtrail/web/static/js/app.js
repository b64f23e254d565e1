// What every page has: acts, living parts, ticking times, keys, the palette.
import "./acts.js";
import "./keys.js";
import "./live.js";
import "./palette.js";
import "./times.js";
import { ask, prefix } from "./here.js";

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await ask("DELETE", `${prefix}/api/v1/login`).catch(() => {});
  location.assign(`${prefix}/login`);
});
// On a narrow screen the names of screens and tabs are wider than it is: the one that is open is shown.
for (const row of document.querySelectorAll(".side, .tabs")) {
  const open = row.querySelector("[aria-current]");
  if (open && row.scrollWidth > row.clientWidth) row.scrollLeft = open.offsetLeft - row.offsetLeft - (row.clientWidth - open.offsetWidth) / 2;
}
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

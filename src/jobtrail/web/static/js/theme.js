// Before anything is drawn: the theme that was chosen, or the system's. Not a module, so that no wrong one flashes.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const put = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("jobtrail.theme"); } catch { /* storage may be off */ }
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
  };
  put();
  dark.addEventListener("change", put);
})();

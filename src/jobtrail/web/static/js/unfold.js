// What somebody unfolded stays unfolded when its part of the page comes anew.
const unfolded = new Map();

document.addEventListener("toggle", (event) => {
  const { id, open } = event.target;
  if (id && event.target.matches("main details")) unfolded.set(id, open);
}, true);

document.addEventListener("jobtrail:fresh", () => {
  for (const [id, open] of unfolded) {
    const one = document.getElementById(id);
    if (one && one.open !== open) one.open = open;
  }
});

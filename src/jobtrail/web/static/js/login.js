// Signs in: the API sets the cookie.
const form = document.getElementById("login");
const alert = form.querySelector("[role=alert]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = Object.fromEntries(new FormData(form));
  let answer;
  try {
    answer = await fetch(`${document.documentElement.dataset.prefix}/api/v1/login`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said),
    });
  } catch {
    alert.textContent = "The server could not be reached.";
    alert.hidden = false;
    return;
  }
  if (answer.ok) {
    location.assign(form.dataset.next);
    return;
  }
  const problem = await answer.json().catch(() => ({}));
  alert.textContent = problem.detail ?? "That did not work.";
  alert.hidden = false;
  form.elements.password.select();
});

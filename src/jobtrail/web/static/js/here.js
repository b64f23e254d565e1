// Where this page stands: its prefix, its workspace, and how the API is asked from here.

const root = document.documentElement.dataset;

export const workspace = root.workspace ?? "";
export const prefix = root.prefix ?? "";

/** The address of a page of this workspace. */
export const page = (path) => `${prefix}/w/${encodeURIComponent(workspace)}${path}`;

/** The address of a file that came with the package. */
export const file = (path) => root.static + path;

const ANOTHER = "Somebody has signed in anew in this browser since this page was opened. Nothing was changed; load the page again.";
let token = null;

async function csrf() {
  if (token === null) {
    const answer = await fetch(`${prefix}/api/v1/login`, { headers: { Accept: "application/json" } });
    token = answer.ok ? (await answer.json()).csrf_token : "";
  }
  return token;
}

/** Asks the API. Answers the JSON, or null for an empty answer; throws a problem (status, detail, errors). */
export async function ask(method, address, body) {
  const headers = { Accept: "application/json" };
  if (root.workspaceId) headers["Jobtrail-Workspace"] = root.workspaceId;
  if (root.login && method !== "GET") headers["X-CSRF-Token"] = await csrf();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw { status: 0, detail: "The server could not be reached; nothing was changed as far as is known.", errors: [] };
  }
  const text = await answer.text();
  let said = null;
  try { said = text ? JSON.parse(text) : null; } catch { /* no JSON */ }
  if (!answer.ok) {
    const errors = said?.errors ?? [];
    if (answer.status === 401) token = null;
    if (errors.some(({ path }) => path === "X-CSRF-Token")) throw { status: answer.status, detail: ANOTHER, errors: [] };
    throw { status: answer.status, detail: said?.detail ?? `The server answered ${answer.status}.`, errors };
  }
  return said;
}

/** A short message that goes by itself; screen readers hear it. */
export function toast(text, bad = false, seconds = 6) {
  const box = document.createElement("div");
  box.className = bad ? "toast toast-bad" : "toast";
  box.textContent = text;
  document.getElementById("toasts")?.append(box);
  setTimeout(() => box.remove(), seconds * 1000);
}

/** Something kept for this browser alone: taste, never what a view shows. */
export const taste = {
  get(name) { try { return localStorage.getItem(`jobtrail.${name}`); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(`jobtrail.${name}`, value); } catch { /* storage may be off */ } },
};

// A list of jobs as a table for other programs: what matches, newest first, page by page, up to a bound that is told.
import { ask, toast } from "./here.js";

const PAGE = 500;
const MOST = 10_000;
const FIELDS = ["id", "status", "wait_reason", "type", "queue", "title", "priority", "attempt_count", "failure_count", "loss_count", "progress",
  "actual_seconds", "error_code", "error_message", "tags", "unique_key", "created_by", "created_at", "started_at", "completed_at"];
const list = document.getElementById("list");
const button = document.getElementById("export");

/** A cell that no spreadsheet takes for a formula. */
function cell(value) {
  const text = Array.isArray(value) ? value.join(" ") : value === null || value === undefined ? "" : String(value);
  const plain = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

async function found() {
  const said = new URLSearchParams({ limit: PAGE, inputs: "false" });
  for (const [name, value] of [["q", list.dataset.q], ["created_after", list.dataset.after], ["created_before", list.dataset.before]]) if (value) said.set(name, value);
  for (const id of list.dataset.ids?.split(",") ?? []) said.append("id", id);
  const jobs = [];
  for (let more = true; more && jobs.length < MOST;) {
    const page = await ask("GET", `${list.dataset.jobsApi}?${said}`);
    jobs.push(...page.items);
    more = Boolean(page.next_cursor);
    if (more) said.set("cursor", page.next_cursor);
    button.textContent = `${jobs.length} read…`;
    if (!more) return { jobs, whole: true };
  }
  return { jobs, whole: false };
}

function save(jobs) {
  const text = [FIELDS, ...jobs.map((job) => FIELDS.map((field) => job[field]))].map((row) => row.map(cell).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text, "\r\n"], { type: "text/csv" }));
  link.download = "jobs.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

button?.addEventListener("click", async () => {
  const label = button.textContent;
  button.disabled = true;
  try {
    const { jobs, whole } = await found();
    save(jobs);
    toast(whole ? `jobs.csv: ${jobs.length} jobs, without their inputs` : `jobs.csv: only the newest ${jobs.length} jobs. All of them: ${button.dataset.cli}`, false, 10);
  } catch (problem) {
    if (problem instanceof Error) throw problem;
    toast(problem.detail, true, 10);
  } finally {
    button.disabled = false;
    button.textContent = label;
  }
});

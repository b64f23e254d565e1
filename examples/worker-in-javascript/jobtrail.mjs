// A Jobtrail worker over HTTP, for Node 18 or newer, without dependencies. Copy it beside your own code.
//
//     const worker = new Worker({ url, key, jobs: { "greet": async (ctx) => `Hello, ${ctx.input.name}` } });
//     await worker.run();   // until worker.stop()
//
// What a job returns becomes its result, what it throws fails the attempt. `ctx.signal` is aborted when it must stop.

import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

const LINES_AT_ONCE = 500;
const FLUSH_MS = 200;
const CLAIM_SECONDS = 20;

/** What the service refused. `status` is that of HTTP, `code` the problem's. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `the service answered ${status}`);
    this.status = status;
    this.code = problem.code;
  }
}

/** Throw it to end an attempt without trying the job again. */
export class Fatal extends Error {}

/** Throw it (or call `ctx.snooze`) to let the job run again later; it uses up no attempt. */
export class Snooze extends Error {
  constructor(seconds, reason) {
    super(reason ?? `snoozed for ${seconds} s`);
    this.seconds = seconds;
    this.reason = reason;
  }
}

/** Why an attempt stops: "cancelled", "lost", "shutdown", "timed_out", or "waiting" for people. */
export class Stopped extends Error {
  constructor(why, reason) {
    super(reason ?? why);
    this.why = why;
  }
}

/** Waits for a promise, but not for ever. */
async function within(ms, promise) {
  const timer = new AbortController();
  await Promise.race([promise, pause(ms, null, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}

export class Worker {
  #url; #key; #wanted; #jobs; #slots; #graceMs; #log;
  #id = null;
  #running = new Map(); // attempt id → Attempt
  #stopping = new AbortController(); // takes no more
  #over = new AbortController(); // the heart stops
  #freed = () => {};

  constructor({ url, key, jobs, name = `${hostname()}-${process.pid}`, queues = ["default"], slots = 4,
                leaseSeconds = 30, graceSeconds = 10, log = (line) => console.error(line) }) {
    this.#url = url.replace(/\/$/, "");
    this.#key = key;
    this.#jobs = jobs;
    this.#slots = slots;
    this.#graceMs = graceSeconds * 1000;
    this.#log = log;
    this.#wanted = { name, queues, types: Object.keys(jobs), slots, lease_seconds: leaseSeconds, version: "1" };
  }

  /** Works until `stop` is called; what runs then gets `graceSeconds`, and goes back to its queue after that. */
  async run() {
    await this.#register();
    const beating = this.#beat();
    while (!this.#stopping.signal.aborted) {
      const free = this.#slots - this.#running.size;
      if (free > 0) await this.#claim(free);
      else await new Promise((done) => { this.#freed = done; });
    }
    await within(this.#graceMs, this.#ended());
    for (const one of this.#running.values()) one.stop("shutdown");
    await within(this.#graceMs, this.#ended());
    this.#over.abort();
    await beating;
    await this.call(`/worker/${this.#id}/stop`, { reason: "stopped" }).catch(() => {});
  }

  /** Takes no more jobs, and lets `run` end. */
  stop() {
    this.#stopping.abort();
    this.#freed();
  }

  /** One request, tried again while the service is away. Throws `Refused`. */
  async call(path, body, { bytes, signal, tries = 8 } = {}) {
    for (let tried = 1; ; tried++) {
      let answer, wait = Math.min(100 * 2 ** tried, 5000) * (0.5 + Math.random() / 2);
      try {
        answer = await fetch(`${this.#url}/api/v1${path}`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${this.#key}`,
            "content-type": bytes ? "application/octet-stream" : "application/json",
          },
          body: bytes ?? JSON.stringify(body ?? {}),
          signal,
        });
        if (answer.ok) return answer.status === 204 ? null : await answer.json();
      } catch (error) {
        if (signal?.aborted || tried >= tries) throw error;
        await pause(wait);
        continue;
      }
      const problem = await answer.json().catch(() => ({}));
      if (![429, 503].includes(answer.status) || tried >= tries) throw new Refused(answer.status, problem);
      await pause(Math.max(wait, 1000 * Number(answer.headers.get("retry-after") ?? 0)));
    }
  }

  async #register() {
    const { worker_id } = await this.call("/worker/register", this.#wanted);
    this.#id = worker_id;
    this.#log(`worker ${worker_id} takes ${this.#wanted.types.join(", ")} from ${this.#wanted.queues.join(", ")}`);
  }

  /** Waits for jobs. `holding` names all that this worker has, so that a lost answer leaves no job behind. */
  async #claim(limit) {
    const wanted = { worker_id: this.#id, limit, wait_seconds: CLAIM_SECONDS, holding: [...this.#running.keys()] };
    try {
      const { items } = await this.call("/worker/claim", wanted, { signal: this.#stopping.signal, tries: 1 });
      for (const job of items) this.#start(job);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (error instanceof Refused && [404, 409].includes(error.status)) await this.#anew();
      else {
        this.#log(`cannot claim: ${error.message}`);
        await pause(1000);
      }
    }
  }

  /** The service has given this worker up: its jobs run elsewhere. */
  async #anew() {
    for (const one of this.#running.values()) one.stop("lost");
    await this.#register();
  }

  #start(job) {
    const attempt = new Attempt(this, job, this.#id);
    this.#running.set(job.attempt_id, attempt);
    attempt.over = attempt.run(this.#jobs[job.type])
      .catch((error) => this.#log(`job ${job.job_id}: its end could not be told: ${error.message}`))
      .finally(() => {
        this.#running.delete(job.attempt_id);
        this.#freed();
      });
  }

  #ended() {
    return Promise.all([...this.#running.values()].map((one) => one.over));
  }

  /** The lease is renewed three times in its length, and what is ordered is done. */
  async #beat() {
    const everyMs = (this.#wanted.lease_seconds * 1000) / 3;
    while (await pause(everyMs, true, { signal: this.#over.signal }).catch(() => false)) {
      const attempts = [...this.#running.values()].map(({ job }) => ({ job_id: job.job_id, attempt_id: job.attempt_id }));
      const draining = this.#stopping.signal.aborted;
      try {
        const { cancel, drop } = await this.call(`/worker/${this.#id}/heartbeat`, { draining, attempts }, { tries: 1 });
        for (const { attempt_id, reason } of cancel) this.#running.get(attempt_id)?.stop("cancelled", reason);
        for (const id of drop) this.#running.get(id)?.stop("lost");
      } catch (error) {
        this.#log(`no heartbeat: ${error.message}`);
        if (error instanceof Refused && [404, 409].includes(error.status)) {
          for (const one of this.#running.values()) one.stop("lost");
        }
      }
    }
  }
}

/** One attempt at a job: what the job's code gets as `ctx`. */
class Attempt {
  #worker; #whose; #stopper = new AbortController(); #lines = []; #flushing = Promise.resolve(); #timer = null;
  #phase = "EXECUTION"; #calls = 0;

  constructor(worker, job, workerId) {
    this.#worker = worker;
    this.#whose = `job_id=${job.job_id}&worker_id=${workerId}`;
    this.job = job;
    this.input = job.input;
    this.signal = this.#stopper.signal;
  }

  /** Tells the code to stop. */
  stop(why, reason) {
    if (!this.signal.aborted) this.#stopper.abort(new Stopped(why, reason));
  }

  /** Runs `work` unless an earlier attempt has completed it; answers what it answered. Names are unique in the job. */
  async step(name, work, { key = name, phase = this.#phase, type = "COMMAND" } = {}) {
    this.signal.throwIfAborted();
    const begun = await this.#tell("steps", { name, key, phase, type });
    if (begun.completed) return begun.output;
    let output;
    try {
      output = (await work()) ?? null;
    } catch (error) {
      if (!this.signal.aborted) await this.#tell(`steps/${begun.step_id}/finish`, { status: "FAILED", error: String(error) });
      throw error;
    }
    await this.#tell(`steps/${begun.step_id}/finish`, { output });
    return output;
  }

  /** Writes a line into the job's log; `more` has level, component, details and so on. */
  log(message, more = {}) {
    this.#lines.push({ message: String(message), at: new Date().toISOString(), ...more });
    this.#timer ??= setTimeout(() => this.#flush().catch(() => {}), FLUSH_MS);
  }

  /** Says how far it is, in percent, and what it does, in a word. */
  async progress(percent, stage) {
    const { cancel, reason } = await this.#tell("progress", { percent, stage });
    if (cancel) this.stop("cancelled", reason);
  }

  /** Stores a file of the job. */
  asset(name, bytes, { role = "output", mediaType } = {}) {
    const query = new URLSearchParams({ name, role, ...(mediaType && { media_type: mediaType }) });
    return this.#tell("assets", null, `&${query}`, bytes);
  }

  /** Asks people; `options` has key, approvers, needed, form, expires_in_seconds. While they think, the job waits. */
  async gate(question, options = {}) {
    await this.#flush();
    const answer = await this.#tell("gates", { question, phase: this.#phase, ...options });
    if (answer.decided) return answer;
    this.stop("waiting");
    throw this.signal.reason;
  }

  /** Books tokens and money of one call of a model. */
  usage(call) {
    return this.#tell("usage", { number: ++this.#calls, ...call });
  }

  /** Stores measured values: `{ name, value, unit }`. */
  metrics(...values) {
    return this.#tell("metrics", { values });
  }

  /** Ends the attempt; the job runs again after a while. */
  snooze(seconds, reason) {
    throw new Snooze(seconds, reason);
  }

  /** Runs the job's code and tells how it ended. Code that was told to stop is waited for: it must heed `ctx.signal`. */
  async run(code) {
    const limit = this.job.timeout_seconds;
    const timer = limit && setTimeout(() => this.stop("timed_out", `not done within ${limit} s`), limit * 1000);
    try {
      const output = await code(this);
      if (this.signal.aborted && this.signal.reason.why !== "shutdown") throw this.signal.reason;
      await this.#end("complete", { output });
    } catch (error) {
      await this.#failed(this.signal.aborted ? this.signal.reason : error);
    } finally {
      clearTimeout(timer);
      clearTimeout(this.#timer);
    }
  }

  async #failed(error) {
    const why = error instanceof Stopped ? error.why : null;
    if (why === "lost" || why === "waiting") return;
    if (why === "cancelled") await this.#end("cancelled", { reason: error.message });
    else if (why === "shutdown") await this.#end("release");
    else if (error instanceof Snooze) await this.#end("snooze", { delay_seconds: error.seconds, reason: error.reason });
    else await this.#end("fail", {
      code: why ?? error?.code?.toString() ?? error?.name ?? "failed",
      message: error?.message ?? String(error),
      stack: error?.stack,
      retry: !(error instanceof Fatal),
      timed_out: why === "timed_out",
    });
  }

  async #end(how, body) {
    try {
      await this.#flush();
      await this.#tell(how, body);
    } catch (error) {
      if (how !== "complete" || !(error instanceof Refused) || error.code === "stale_attempt") throw error;
      await this.#tell("fail", { code: "unstorable", message: `its result was refused: ${error.message}`, retry: false });
    }
  }

  /** Lines are sent one batch after the other, so that they keep their order. */
  #flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#flushing = this.#flushing.catch(() => {}).then(async () => {
      while (this.#lines.length > 0) await this.#tell("logs", { lines: this.#lines.splice(0, LINES_AT_ONCE) });
    });
    return this.#flushing;
  }

  async #tell(what, body, query = "", bytes) {
    try {
      return await this.#worker.call(`/attempts/${this.job.attempt_id}/${what}?${this.#whose}${query}`, body, { bytes });
    } catch (error) {
      if (error instanceof Refused && error.code === "stale_attempt") this.stop("lost", error.message);
      throw error;
    }
  }
}

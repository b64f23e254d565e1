// A worker with two jobs. JOBTRAIL_SERVER_URL and JOBTRAIL_API_KEY say where the service is, and who comes.
//
//     node worker.mjs [queue …]

import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { Fatal, Worker } from "./jobtrail.mjs";

const jobs = {
  /** Counts up to `to`, a step for each number, `pause_ms` apart: kill the worker, and it goes on where it was. */
  "example.count": async (ctx) => {
    const { to = 3, pause_ms = 100 } = ctx.input;
    let sum = 0;
    for (let number = 1; number <= to; number++) {
      sum = await ctx.step(`add ${number}`, async () => {
        ctx.log(`adding ${number}`, { component: "count" });
        await pause(pause_ms, null, { signal: ctx.signal });
        return sum + number;
      });
      await ctx.progress((100 * number) / to, "counting");
    }
    return { sum };
  },

  /** Fetches a page and keeps it as a file. What does not exist is not tried again. */
  "example.fetch": async (ctx) => {
    const answer = await fetch(ctx.input.url, { signal: ctx.signal });
    if (answer.status === 404) throw new Fatal(`there is no ${ctx.input.url}`);
    if (!answer.ok) throw new Error(`${ctx.input.url} answered ${answer.status}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const { id } = await ctx.asset("page", bytes, { mediaType: answer.headers.get("content-type")?.split(";")[0] });
    return { asset: id, sha256: createHash("sha256").update(bytes).digest("hex") };
  },
};

const { JOBTRAIL_SERVER_URL: url = "http://127.0.0.1:8787", JOBTRAIL_API_KEY: key } = process.env;
const { LEASE_SECONDS = "30", GRACE_SECONDS = "10" } = process.env;
const queues = process.argv.length > 2 ? process.argv.slice(2) : ["default"];
const worker = new Worker({ url, key, jobs, queues, leaseSeconds: +LEASE_SECONDS, graceSeconds: +GRACE_SECONDS });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => worker.stop());
await worker.run();

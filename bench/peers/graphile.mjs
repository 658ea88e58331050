// graphile-worker under measurement.
//
//     graphile.mjs URL batched|plain       then the protocol of driver.mjs
//
// `plain` is its default preset with 24 jobs at a time, `batched` has what its guide to performance
// recommends on top: a local queue of 500 and completions written together. Finished jobs are
// deleted; that is its design.

import { Logger, makeWorkerUtils, run, WorkerPreset } from "graphile-worker";

import { Marks, serve } from "./driver.mjs";

const TASK = "bench";
const CONCURRENCY = 24;

const [url, way] = process.argv.slice(2);
const batching = {
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};
const quiet = new Logger(() => (level, message) => {
  if (level === "error") process.stderr.write(`graphile: ${message}\n`);
});
const preset = {
  extends: [WorkerPreset],
  worker: {
    connectionString: url,
    concurrentJobs: CONCURRENCY,
    maxPoolSize: CONCURRENCY + 2,
    logger: quiet,
    ...(way === "batched" ? batching : {}),
  },
};

const marks = new Marks();
const utils = await makeWorkerUtils({ preset });
await utils.migrate();

const start = () => run({ preset, taskList: { [TASK]: ({ n }) => marks.mark(n) }, crontab: "" });
let idle = null;

const subject = {
  async insert(numbers, batch) {
    if (batch === 1) await utils.addJob(TASK, { n: numbers[0] });
    else await utils.addJobs(numbers.map((n) => ({ identifier: TASK, payload: { n } })));
  },
  // Stopping writes the completions that wait to be written.
  async run(all, batch, untilMs) {
    const runner = await start();
    await marks.reach(all, untilMs);
    await runner.stop();
  },
  async latencyStart() {
    idle = await start();
  },
  async latencyStop() {
    await idle.stop();
  },
};

await serve(subject, marks);
await utils.release();

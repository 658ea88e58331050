// pg-boss under measurement.
//
//     pgboss.mjs URL work|fetch       then the protocol of driver.mjs
//
// `work` lets its workers fetch batches without a pause while batches come full; `fetch` is loops
// of fetch() and complete(). Finished jobs stay in the table; that is its default. Its workers
// poll, so latency is measured on a queue with NOTIFY, its quickest setting.

import { PgBoss } from "pg-boss";

import { Marks, serve } from "./driver.mjs";

const QUEUE = "bench";
const NOTIFIED = "notified";
const LOOPS = 4; // with batches
const LOOPS_SINGLE = 10; // one at a time: as many as its pool has connections
const POLL = { pollingIntervalSeconds: 0.5 };

const [url, way] = process.argv.slice(2);
const marks = new Marks();
const boss = new PgBoss({ connectionString: url, useListenNotify: true });
boss.on("error", (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
await boss.start();
await boss.createQueue(QUEUE);
await boss.createQueue(NOTIFIED, { notify: true });
let queue = QUEUE;

const perform = async (jobs) => {
  for (const { data } of jobs) marks.mark(data.n);
};

// Ends when nothing is left to fetch.
async function fetchLoop(batchSize, all, untilMs) {
  while (marks.ran < all && performance.now() < untilMs) {
    const jobs = await boss.fetch(QUEUE, { batchSize });
    if (jobs.length === 0) return;
    await perform(jobs);
    await boss.complete(
      QUEUE,
      jobs.map(({ id }) => id),
    );
  }
}

const subject = {
  async insert(numbers, batch) {
    if (batch === 1) await boss.send(queue, { n: numbers[0] });
    else
      await boss.insert(
        queue,
        numbers.map((n) => ({ data: { n } })),
      );
  },
  async run(all, batchSize, untilMs) {
    if (way === "fetch") {
      const loops = Array.from({ length: batchSize === 1 ? LOOPS_SINGLE : LOOPS });
      await Promise.all(loops.map(() => fetchLoop(batchSize, all, untilMs)));
      return;
    }
    const options = { batchSize, burstWhenBatchFull: true, localConcurrency: LOOPS, ...POLL };
    await boss.work(QUEUE, options, perform);
    await marks.reach(all, untilMs);
    await boss.offWork(QUEUE, { wait: true });
  },
  async latencyStart() {
    queue = NOTIFIED;
    await boss.work(NOTIFIED, POLL, perform);
  },
  async latencyStop() {
    await boss.offWork(NOTIFIED, { wait: true });
    queue = QUEUE;
  },
};

await serve(subject, marks);
await boss.stop();

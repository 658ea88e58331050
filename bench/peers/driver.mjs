// The line protocol of bench/driver.h for the peers.
//
// A subject has insert(numbers, batch), one transaction, called by PRODUCERS side by side;
// run(all, batch, untilMs), which resolves when `all` jobs have run since the start of the process
// and are durably finished; and latencyStart() and latencyStop(), between which jobs run as they
// come. A job that starts calls marks.mark().

import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const JOBS_MAX = 16_000_000;
const PRODUCERS = 2; // insert side by side

// So that a job is finished, and the queue idle, before the next one comes.
const IDLE_MS = 5;

export class Marks {
  #seen = new Uint8Array(JOBS_MAX);
  #waiting = new Map();
  ran = 0;
  twice = 0;
  #reached = null;

  mark(number) {
    if (this.#seen[number]) {
      this.twice++;
      return;
    }
    this.#seen[number] = 1;
    this.ran++;
    this.#waiting.get(number)?.(performance.now());
    if (this.#reached && this.ran >= this.#reached.count) this.#reached.resolve(true);
  }

  // Resolves when `count` jobs have run in all (true), or the time has come (false).
  reach(count, untilMs) {
    if (this.ran >= count) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), untilMs - performance.now());
      this.#reached = { count, resolve: (reached) => (clearTimeout(timer), resolve(reached)) };
    }).finally(() => (this.#reached = null));
  }

  // Resolves with the time at which the job starts.
  start(number) {
    return new Promise((resolve) => this.#waiting.set(number, resolve)).finally(() =>
      this.#waiting.delete(number),
    );
  }
}

function percentile(sorted, percent) {
  return Math.round(sorted[Math.max(Math.ceil((sorted.length * percent) / 100) - 1, 0)] * 1000);
}

class Driver {
  #subject;
  #marks;
  #next = 0;

  constructor(subject, marks) {
    this.#subject = subject;
    this.#marks = marks;
  }

  #take(count) {
    const numbers = Array.from({ length: count }, (_, i) => this.#next + i);
    this.#next += count;
    return numbers;
  }

  async insert(count, batch) {
    const numbers = this.#take(count);
    const start = performance.now();
    let done = 0;
    const produce = async () => {
      while (done < count) {
        const now = numbers.slice(done, (done += batch));
        await this.#subject.insert(now, batch);
      }
    };
    await Promise.all(Array.from({ length: PRODUCERS }, produce));
    const seconds = (performance.now() - start) / 1000;
    return { op: "insert", asked: count, jobs: count, batch, seconds };
  }

  async run(count, batch, limit) {
    const { ran, twice } = this.#marks;
    const start = performance.now();
    await this.#subject.run(ran + count, batch, start + limit * 1000);
    const seconds = (performance.now() - start) / 1000;
    const jobs = this.#marks.ran - ran;
    return { op: "run", asked: count, jobs, batch, seconds, twice: this.#marks.twice - twice };
  }

  async latency(count, limit) {
    const samples = [];
    const until = performance.now() + limit * 1000;
    await this.#subject.latencyStart();
    for (const number of this.#take(count)) {
      if (performance.now() >= until) break;
      const started = this.#marks.start(number);
      const start = performance.now();
      await this.#subject.insert([number], 1);
      samples.push((await started) - start);
      await pause(IDLE_MS);
    }
    await this.#subject.latencyStop();
    samples.sort((a, b) => a - b);
    const [p50_us, p99_us] = [percentile(samples, 50), percentile(samples, 99)];
    return { op: "latency", asked: count, jobs: samples.length, p50_us, p99_us };
  }
}

// Answers commands until the input ends.
export async function serve(subject, marks) {
  const driver = new Driver(subject, marks);
  const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  say({ op: "ready" });
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...words] = line.trim().split(" ");
    const values = words.map(Number);
    const known = ["insert", "run", "latency"].includes(name);
    if (!known || values.length === 0 || !values.every((value) => value >= 1)) {
      throw new Error(`not a command: ${line}`);
    }
    say(await driver[name](...values));
  }
}

// The queue: depths and settings, and jobs with the errors of their attempts.

import {get, post, query} from "../api.js";
import {h} from "../dom.js";
import {count, number, time} from "../format.js";
import {part} from "../live.js";
import {action, confirm, pager, section, status, table} from "../ui.js";

const STATES = ["", "discarded", "retryable", "executing", "available", "scheduled", "cancelled",
    "completed"];
const UNFINISHED = ["available", "scheduled", "executing", "retryable"];

/* -- queues -------------------------------------------------------------------------------- */

function pauseButton(ctx, queue, reload) {
    const verb = queue.paused ? "resume" : "pause";
    return action(queue.paused ? "Resume" : "Pause", async () => {
        if (!queue.paused && !await confirm({
            title: `Pause ${queue.name}?`,
            text: "What runs is finished; nothing more is claimed, on every node, until it is " +
                "resumed.",
            act: "Pause",
        }))
            return null;
        await post(`/api/queues/${queue.name}/${verb}`);
        await reload();
        return `${queue.name}: ${verb}d`;
    }, {key: `${verb} ${queue.name}`});
}

function queueTable(ctx, queues, reload) {
    const ms = (value) => value === null || value === undefined ? "–" : number(value, 1);
    const columns = [
        {title: "Queue", cell: (q) => q.name},
        {title: "State", cell: (q) => q.paused ? status("paused") : status("runs", "ok")},
        {title: "Available", number: true, cell: (q) => count(q.available)},
        {title: "Executing", number: true, cell: (q) => count(q.executing)},
        {title: "Scheduled", number: true, minor: true, cell: (q) => count(q.scheduled)},
        {title: "Retryable", number: true, cell: (q) => count(q.retryable)},
        {title: "Oldest waits", minor: true, cell: (q) => time(q.oldest_at)},
        {title: "Each node", number: true, minor: true, cell: (q) => count(q.node_limit)},
        {title: "Run p95, ms", number: true, minor: true, cell: (q) => ms(q.this_node.run.p95_ms)},
    ];
    if (ctx.admin)
        columns.push({title: "", cell: (q) => pauseButton(ctx, q, reload)});
    return table({caption: "Queues", columns, rows: queues});
}

/* -- jobs ---------------------------------------------------------------------------------- */

function buttons(job, reload) {
    const retry = async () => {
        await post(`/api/jobs/${job.id}/retry`);
        await reload();
        return `Job ${job.id} is available again`;
    };
    const cancel = async () => {
        if (!await confirm({
            title: `Cancel job ${job.id}?`,
            text: `${job.worker} does not run any more. What it has made so far stays as it is.`,
            cannot: "A cancelled job can be retried, which starts it from its beginning.",
            act: "Cancel the job",
            danger: true,
        }))
            return null;
        await post(`/api/jobs/${job.id}/cancel`);
        await reload();
        return `Job ${job.id} is cancelled`;
    };
    if (UNFINISHED.includes(job.state))
        return h("span", {class: "buttons"},
            job.state === "retryable" && action("Retry now", retry, {key: `retry ${job.id}`}),
            action("Cancel", cancel, {key: `cancel ${job.id}`}));
    return ["discarded", "cancelled"].includes(job.state)
        ? action("Retry", retry, {key: `retry ${job.id}`}) : "";
}

function attempts(job) {
    const box = h("details", {"data-key": `errors ${job.id}`},
        h("summary", {}, `${job.attempt} of ${job.max_attempts}`));
    box.addEventListener("toggle", async () => {
        if (!box.open || box.children.length > 1)
            return;
        try {
            const whole = await get(`/api/jobs/${job.id}`);
            box.append(whole.errors.length
                ? h("ol", {class: "errors"}, whole.errors.map((e) =>
                    h("li", {}, time(e.at), " ", e.error)))
                : h("p", {class: "faint"}, "No attempt has failed."));
        } catch (error) {
            box.append(h("p", {class: "problem", role: "alert"}, error.message));
        }
    });
    return box;
}

function jobTable(ctx, jobs, reload, none) {
    const columns = [
        {title: "Job", cell: (j) => h("span", {class: "mono"}, j.id)},
        {title: "Worker", cell: (j) => j.worker},
        {title: "State", cell: (j) => status(j.state)},
        {title: "Attempts", cell: attempts},
        {title: "Time", minor: true, cell: (j) => time(j.finished_at || j.attempted_at ||
            j.scheduled_at)},
        {title: "Last error", minor: true, wide: true, cell: (j) => j.last_error || ""},
    ];
    if (ctx.admin)
        columns.push({title: "", cell: (j) => buttons(j, reload)});
    return table({caption: "Jobs", columns, rows: jobs, none});
}

export default function jobs(ctx) {
    let state = ctx.query.get("state") ?? "", queue = ctx.query.get("queue") ?? "";
    const choose = (name, set) => (event) => {
        set(event.target.value);
        ctx.setQuery({state, queue});
        list.reload();
    };
    const load = async (signal, cursor) => {
        const reply = await get(query("/api/jobs", {state, queue, cursor}), signal);
        return {rows: reply.jobs, next: reply.next_cursor};
    };
    const option = (chosen) => (name) =>
        h("option", {value: name, selected: name === chosen}, name || "All");
    const queueSelect = h("select", {"data-key": "queue", on: {change: choose("queue",
        (v) => { queue = v; })}}, option(queue)(""));
    const filters = h("div", {class: "filters"},
        h("label", {}, "State", h("select", {"data-key": "state", on: {change: choose("state",
            (v) => { state = v; })}}, STATES.map(option(state)))),
        h("label", {}, "Queue", queueSelect));

    function drawQueues(reply, reload) {
        if (queueSelect.options.length === 1)
            queueSelect.append(...reply.queues.map((q) => option(queue)(q.name)));
        return queueTable(ctx, reply.queues, reload);
    }

    const list = part(ctx, "Jobs", (signal) => load(signal), (page, reload) => pager(page,
        (rows) => jobTable(ctx, rows, reload,
            state === "discarded" ? "No job was given up." : "There are no such jobs."),
        (cursor) => load(ctx.signal, cursor)), {every: 5000});
    return h("div", {}, ctx.heading("Jobs"),
        section("Queues", part(ctx, "Queues", "/api/queues", drawQueues, {every: 3000})),
        section("Jobs", filters, list));
}

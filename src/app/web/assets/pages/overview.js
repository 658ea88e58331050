// What an operator wants to know first.

import {lines} from "../chart.js";
import {h} from "../dom.js";
import {count, day, MODES, money, mode, plural, share, time} from "../format.js";
import {part} from "../live.js";
import {empty, figures, section, status} from "../ui.js";
import {proposalTable} from "./proposals.js";
import {moveTable} from "./movetable.js";

const PLACES = {
    machines_unwell: "/ui/resources", moves_failed: "/ui/moves?state=failed",
    jobs_discarded: "/ui/jobs?state=discarded", hosts_failed: "/ui/resources",
    slots_short: "/ui/resources", drift: "/ui/resources", queues_paused: "/ui/jobs",
};

function living(places, name) {
    return places.filter((p) => p.mode === name && p.status === "active")
        .reduce((sum, p) => sum + p.count, 0);
}

const placing = (places) => places.filter((p) => p.status === "provisioning")
    .reduce((sum, p) => sum + p.count, 0);

const many = (n) => n >= 1000 ? "1,000 or more" : count(n);

function alerts(list) {
    if (!list.length)
        return h("p", {class: "calm"}, status("No alerts", "ok"));
    return h("ul", {class: "alerts"}, list.map((a) => h("li", {},
        status(a.severity, a.severity === "critical" ? "bad" : "warn"),
        h("a", {href: PLACES[a.kind] || "/"}, a.text))));
}

function now(o) {
    const coming = placing(o.places);
    return h("div", {class: "stack"}, alerts(o.alerts), figures([
        ...Object.keys(MODES).map((name) => ({
            label: `${mode(name)} customers`, value: count(living(o.places, name)),
            href: `/ui/customers?mode=${name}`,
        })),
        {label: "Being set up", value: count(coming), note: o.leaving
            ? `${many(o.leaving)} leaving` : null},
        {label: "Slots free", value: count(o.slots - o.slots_used), href: "/ui/resources",
            note: `of ${count(o.slots)} on ${plural(o.hosts, "server")}`},
        {label: "Moves running", value: many(o.moves_running), href: "/ui/moves"},
        {label: "Jobs given up", value: many(o.jobs_discarded), href: "/ui/jobs?state=discarded",
            kind: o.jobs_discarded ? "bad" : null,
            note: o.jobs_retryable ? `${many(o.jobs_retryable)} will be retried` : null},
    ]));
}

/** {days: [...], multi_tenant: [...], single_tenant: [...]} of one column. */
export function byMode(days, column) {
    const dates = [...new Set(days.map((d) => d.day))].sort();
    const out = {x: dates.map((d) => Date.parse(d) / 1000)};
    for (const name of Object.keys(MODES)) {
        const of = new Map(days.filter((d) => d.mode === name).map((d) => [d.day, d[column]]));
        out[name] = dates.map((d) => of.get(d) ?? null);
    }
    return out;
}

export function modeLines(ctx, title, days, column, format) {
    if (!days.length)
        return empty("No day has been recorded yet; the first look at the fleet comes within ten " +
            "minutes of the start.");
    const data = byMode(days, column);
    return lines(ctx, {
        title, x: data.x, format, when: (seconds) => day(seconds * 1000),
        series: Object.keys(MODES).map((name) => ({label: mode(name), values: data[name]})),
    });
}

export default function overview(ctx) {
    const pending = part(ctx, "Proposals", "/api/proposals?state=pending&limit=10",
        (reply, reload) => proposalTable(ctx, reply.proposals, reload), {every: 10000, follows: ["proposals"]});
    const running = part(ctx, "Moves", "/api/migrations?limit=8",
        (reply) => moveTable(reply.migrations), {every: 5000, follows: ["migrations"]});
    return h("div", {}, ctx.heading("Overview"),
        part(ctx, "The overview", "/api/overview", now, {every: 5000}),
        section("Waiting for a person", pending),
        h("div", {class: "columns"},
            section("Customers by mode", part(ctx, "The history", "/api/fleet/days?days=90",
                (reply) => modeLines(ctx, "Customers by mode", reply.days, "customers", count))),
            section("Cost a month", part(ctx, "The costs", "/api/fleet/days?days=90",
                (reply) => modeLines(ctx, "Cost a month by mode", reply.days, "cost", money)))),
        section("Latest moves", running),
        section("Latest sweep", part(ctx, "The sweep", "/api/sweeps?limit=1", sweep)));
}

function sweep(reply) {
    const last = reply.sweeps[0];
    if (!last)
        return empty("No sweep has judged the customers yet; the tracker does at its next time, " +
            "or now: ", h("code", {}, "webhost sweep"));
    const outcomes = Object.entries(last.outcomes || {}).filter(([, n]) => n > 0);
    return h("div", {class: "stack"},
        h("p", {}, time(last.started_at), `, ${plural(last.customers ?? 0, "customer")}, policy `,
            h("code", {}, last.policy), last.error ? `: ${last.error}` : ""),
        figures(outcomes.map(([name, n]) => ({
            label: name.replaceAll("_", " "), value: count(n),
            note: last.decided ? share(n / last.customers) : null,
        }))));
}

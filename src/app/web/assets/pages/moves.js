// Moves: how they went, why, and all of them.

import {get, query} from "../api.js";
import {bars} from "../chart.js";
import {h} from "../dom.js";
import {count, day, duration, share} from "../format.js";
import {part} from "../live.js";
import {empty, figures, pager, section, table} from "../ui.js";
import {moveTable} from "./movetable.js";
import {proposalTable} from "./proposals.js";

const DAYS = 30;
const STATES = ["requested", "provisioning", "preparing", "copying", "indexing", "catching_up",
    "verifying", "cutting_over", "soaking", "cleaning", "completed", "failing", "failed",
    "cancelling", "cancelled", "returning", "removing", "returned"];
const PARTS = [
    {key: "completed", label: "Completed", kind: "ok"},
    {key: "failed", label: "Failed", kind: "bad"},
    {key: "returned", label: "Rolled back", kind: "warn"},
    {key: "cancelled", label: "Cancelled", kind: "cancelled"},
];

function causes(title, list, none) {
    if (!list.length)
        return h("p", {class: "soft"}, none);
    return table({caption: title, rows: list, none, columns: [
        {title, cell: (c) => c.cause, wide: true},
        {title: "Moves", number: true, cell: (c) => count(c.count)},
    ]});
}

function trend(t) {
    const all = PARTS.reduce((sum, p) => sum + t[p.key], 0);
    if (!all)
        return empty(`No move has ended within the last ${DAYS} days.`);
    return h("div", {class: "stack"},
        figures([
            {label: `Ended in ${DAYS} days`, value: count(all) + (t.whole ? "" : " or more")},
            {label: "Success rate", value: share(t.success_rate, 1),
                note: `${count(t.failed)} failed, ${count(t.returned)} rolled back`},
            {label: "Duration, median", value: duration(t.took_p50_us),
                note: `95 % within ${duration(t.took_p95_us)}`},
            {label: "Stall, median", value: duration(t.stall_p50_us),
                note: `longest ${duration(t.stall_max_us)}`},
        ]),
        bars({title: "Moves that ended, by day", rows: t.days, label: (d) => day(d.day),
            parts: PARTS}),
        h("div", {class: "columns"},
            causes("Asked for by", t.asked_by, "Nobody asked for one."),
            causes("Failed of", t.failed_of, "No move has failed.")));
}

export default function moves(ctx) {
    let state = ctx.query.get("state") ?? "";
    const load = async (signal, cursor) => {
        const reply = await get(query("/api/migrations", {state, cursor}), signal);
        return {rows: reply.migrations, next: reply.next_cursor};
    };
    const list = part(ctx, "Moves", (signal) => load(signal), (page) => pager(page,
        (rows) => moveTable(rows, state && `No move is ${state.replaceAll("_", " ")}.`),
        (cursor) => load(ctx.signal, cursor)), {every: 5000, follows: ["migrations"]});
    const choose = h("select", {"data-key": "state", on: {change: (event) => {
        state = event.target.value;
        ctx.setQuery({state});
        list.reload();
    }}}, ["", ...STATES].map((name) => h("option", {value: name, selected: name === state},
        name ? name.replaceAll("_", " ") : "All")));
    return h("div", {}, ctx.heading("Moves"),
        section("Waiting for a person", part(ctx, "Proposals", "/api/proposals?state=pending",
            (reply, reload) => proposalTable(ctx, reply.proposals, reload),
            {every: 10000, follows: ["proposals"]})),
        section(`Last ${DAYS} days`, part(ctx, "The trend", `/api/fleet/moves?days=${DAYS}`, trend,
            {every: 60000, follows: ["migrations"]})),
        section("All moves", h("div", {class: "filters"}, h("label", {}, "State", choose)), list));
}

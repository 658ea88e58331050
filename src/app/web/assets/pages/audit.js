// What was done, by whom, to what. Nothing here is ever changed.

import {get, query} from "../api.js";
import {h} from "../dom.js";
import {time} from "../format.js";
import {part} from "../live.js";
import {pager, table} from "../ui.js";

function details(entry) {
    if (!entry.details)
        return "";
    const pairs = Object.entries(entry.details).filter(([, v]) => v !== null);
    return h("span", {class: "soft"}, pairs.map(([name, value]) =>
        `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`)
        .join(", "));
}

const COLUMNS = [
    {title: "When", cell: (e) => time(e.at)},
    {title: "Who", cell: (e) => e.actor},
    {title: "What", cell: (e) => e.action},
    {title: "Details", cell: details, minor: true, wide: true},
    {title: "Subject", cell: (e) => h("span", {class: "mono faint"}, e.subject), minor: true},
];

export default function audit(ctx) {
    const load = async (signal, cursor) => {
        const reply = await get(query("/api/audit", {cursor}), signal);
        return {rows: reply.audit, next: reply.next_cursor};
    };
    return h("div", {}, ctx.heading("Audit"),
        part(ctx, "The audit record", (signal) => load(signal), (page) => pager(page,
            (rows) => table({caption: "What was done", columns: COLUMNS, rows,
                none: "Nothing was done yet."}),
            (cursor) => load(ctx.signal, cursor))));
}

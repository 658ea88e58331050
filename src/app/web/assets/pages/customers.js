// All customers, a page at a time; found by the beginning of a slug or a name.

import {get, query} from "../api.js";
import {h} from "../dom.js";
import {time, words} from "../format.js";
import {part} from "../live.js";
import {modeTag, pager, status, table} from "../ui.js";

const COLUMNS = [
    {title: "Customer", cell: (c) => h("a", {href: `/ui/customers/${c.slug}`}, c.name)},
    {title: "Slug", cell: (c) => h("span", {class: "mono"}, c.slug), minor: true},
    {title: "Plan", cell: (c) => words(c.plan)},
    {title: "Mode", cell: (c) => c.mode ? modeTag(c.mode) : h("span", {class: "faint"}, "–")},
    {title: "Status", cell: (c) => status(c.status)},
    {title: "Since", cell: (c) => time(c.created_at), minor: true},
];

export function customerTable(rows, none) {
    return table({caption: "Customers", columns: COLUMNS, rows, none});
}

function select(name, label, choices, value) {
    return h("label", {}, label, h("select", {name, "data-key": name},
        choices.map(([v, text]) => h("option", {value: v, selected: v === value}, text))));
}

export default function customers(ctx) {
    const given = Object.fromEntries(ctx.query);
    const form = h("form", {class: "filters", role: "search", on: {input: later, submit: now}},
        h("label", {}, "Search",
            h("input", {type: "search", name: "q", value: given.q || "", maxlength: "100",
                placeholder: "Name or slug begins with", "data-key": "q"})),
        select("mode", "Mode", [["", "Both"], ["multi_tenant", "Shared"],
            ["single_tenant", "Dedicated"]], given.mode),
        select("status", "Status", [["", "All"], ["active", "Active"], ["leaving", "Leaving"],
            ["cancelled", "Cancelled"]], given.status));
    let timer = null;

    const filters = () => Object.fromEntries(
        [...new FormData(form)].map(([k, v]) => [k, v.trim()]).filter(([, v]) => v));

    async function load(signal, cursor) {
        const reply = await get(query("/api/customers", {...filters(), cursor}), signal);
        return {rows: reply.customers, next: reply.next_cursor};
    }

    const none = () => Object.keys(filters()).length
        ? "Nobody fits. Search takes the beginning of a name or of a slug."
        : h("span", {}, "There are no customers yet. Sign the first one up: ",
            h("code", {}, "webhost signup"));
    const list = part(ctx, "Customers", (signal) => load(signal),
        (page) => pager(page, (rows) => customerTable(rows, none()),
            (cursor) => load(ctx.signal, cursor)));

    function now(event) {
        event?.preventDefault();
        clearTimeout(timer);
        ctx.setQuery(filters());
        list.reload();
    }

    function later() {
        clearTimeout(timer);
        timer = setTimeout(now, 250);
    }

    return h("div", {}, ctx.heading("Customers"), h("div", {}, form, list));
}

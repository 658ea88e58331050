// What the fleet runs on: shared servers and their slots, dedicated instances, noisy tenants.

import {get, post, query} from "../api.js";
import {meter} from "../chart.js";
import {h} from "../dom.js";
import {count, duration, share, time} from "../format.js";
import {part} from "../live.js";
import {action, confirm, figures, pager, section, status, table} from "../ui.js";

function used(row) {
    return h("span", {}, `${count(row.slots_used)} of ${count(row.slots ?? row.capacity)} `,
        meter(row.slots_used, row.slots ?? row.capacity));
}

function totals(locations) {
    const sum = (key) => locations.reduce((all, l) => all + l[key], 0);
    const slots = sum("slots");
    return figures([
        {label: "Shared servers", value: count(sum("hosts"))},
        {label: "Slots in use", value: share(slots ? sum("slots_used") / slots : 0, 1),
            note: `${count(sum("slots_used"))} of ${count(slots)}`},
        {label: "Slots free", value: count(sum("free")), note: `reserve ${count(sum("reserve"))}`},
    ]);
}

function locationTable(locations) {
    const rows = locations.filter((l) => l.hosts || l.reserve || l.shortfall);
    return table({caption: "Locations", rows,
        none: "No server is needed yet: the first customer of a location brings one.", columns: [
            {title: "Location", cell: (l) => `${l.location} (${l.region})`},
            {title: "Servers", number: true, cell: (l) => `${count(l.hosts)} of ${count(l.hosts_max)}`},
            {title: "Slots used", number: true, cell: used},
            {title: "Free", number: true, cell: (l) => count(l.free)},
            {title: "Reserve", number: true, minor: true, cell: (l) => count(l.reserve)},
            {title: "State", cell: (l) => l.shortfall > 0
                ? status(`${l.shortfall} short${l.at_hosts_max ? ", at its maximum" : ""}`, "warn")
                : status("enough room", "ok")},
        ]});
}

function drainButton(host, reload) {
    const stop = host.status === "draining";
    return action(stop ? "Stop draining" : "Drain", async () => {
        if (!await confirm(stop
            ? {title: `Keep ${host.name}?`, act: "Stop draining",
                text: "Who was moved off it stays where it is now; nobody else is moved."}
            : {title: `Drain ${host.name}?`, act: "Drain", danger: true,
                text: `Its ${host.slots_used} customers are moved to other servers, some at a time.`,
                cannot: "Customers that were moved off are not moved back by stopping."}))
            return null;
        await post(`/api/hosts/${host.id}/${stop ? "undrain" : "drain"}`);
        await reload();
        return stop ? `${host.name} stays` : `${host.name} is drained`;
    }, {key: `drain ${host.id}`});
}

function hostTable(ctx, hosts, reload) {
    const columns = [
        {title: "Server", cell: (x) => h("span", {class: "mono"}, x.name)},
        {title: "Location", minor: true, cell: (x) => x.location},
        {title: "Type", minor: true, cell: (x) => x.server_type},
        {title: "Status", cell: (x) => status(x.status)},
        {title: "Slots used", number: true, cell: used},
        {title: "CPU", number: true, cell: (x) => x.load === null ? "–" : share(x.load)},
        {title: "Error", minor: true, wide: true, cell: (x) => x.error || ""},
    ];
    if (ctx.admin)
        columns.push({title: "", cell: (x) => ["active", "draining"].includes(x.status)
            ? drainButton(x, reload) : ""});
    return table({caption: "Shared servers", columns, rows: hosts,
        none: "There are no shared servers."});
}

function instanceTable(rows) {
    return table({caption: "Dedicated instances", rows,
        none: "Nobody has an instance of its own.", columns: [
            {title: "Customer", cell: (i) => h("a", {href: `/ui/customers/${i.customer}`}, i.customer)},
            {title: "Size", cell: (i) => i.plan},
            {title: "Regions", minor: true, cell: (i) => (i.regions || []).join(", ")},
            {title: "Status", cell: (i) => status(i.scaling ? "scaling" : i.status,
                i.scaling ? "busy" : undefined)},
            {title: "Machines", cell: (i) => i.health ? status(i.health,
                i.health === "passing" ? "ok" : i.health === "changing" ? "busy" : "bad") : "–"},
            {title: "App", minor: true, cell: (i) => h("span", {class: "mono faint"}, i.app)},
        ]});
}

function busyTable(rows) {
    return table({caption: "Busiest tenants of shared servers", rows,
        none: "No tenant's use has been measured yet.", columns: [
            {title: "Customer", cell: (t) => h("a", {href: `/ui/customers/${t.slug}`}, t.name)},
            {title: "CPU of its server", number: true, cell: (t) => share(t.cpu, 1)},
            {title: "", label: "As a bar", minor: true, cell: (t) => meter(t.cpu, rows[0].cpu)},
            {title: "API calls a day", number: true, cell: (t) => count(t.api_calls)},
            {title: "Response, average", number: true, minor: true,
                cell: (t) => duration(t.response_us)},
        ]});
}

function driftTable(rows) {
    return table({caption: "Differences between the clouds and the database", rows,
        none: "The clouds hold what the database says.", columns: [
            {title: "What", cell: (d) => d.summary, wide: true},
            {title: "Kind", cell: (d) => status(d.kind, "warn")},
            {title: "What to do", minor: true, wide: true, cell: (d) => d.advice},
            {title: "Seen", minor: true, cell: (d) => time(d.first_seen)},
        ]});
}

function list(ctx, what, path, name, draw, every) {
    const load = async (signal, cursor) => {
        const reply = await get(query(path, {cursor}), signal);
        return {rows: reply[name], next: reply.next_cursor};
    };
    return part(ctx, what, (signal) => load(signal), (page, reload) => pager(page,
        (rows) => draw(rows, reload), (cursor) => load(ctx.signal, cursor)), {every});
}

export default function resources(ctx) {
    return h("div", {}, ctx.heading("Resources"),
        part(ctx, "The locations", "/api/hosts?limit=1", (reply) => h("div", {class: "stack"},
            totals(reply.locations), section("Room by location", locationTable(reply.locations))),
        {every: 10000}),
        section("Shared servers", list(ctx, "Servers", "/api/hosts", "hosts",
            (rows, reload) => hostTable(ctx, rows, reload), 10000)),
        section("Busiest tenants", part(ctx, "Tenants", "/api/fleet/tops",
            (reply) => busyTable(reply.busy), {every: 60000})),
        section("Dedicated instances", list(ctx, "Instances", "/api/instances", "instances",
            instanceTable, 10000)),
        section("Differences to the clouds", list(ctx, "Differences", "/api/drift", "drift",
            driftTable, 60000)));
}

// What customers pay and cost a month, by mode and by customer. Costs are list prices.

import {balance} from "../chart.js";
import {h} from "../dom.js";
import {count, MODES, mode, money, share, signedMoney, words} from "../format.js";
import {part} from "../live.js";
import {empty, modeTag, section, table} from "../ui.js";
import {modeLines} from "./overview.js";

function latest(days) {
    const last = days.length ? days[days.length - 1].day : null;
    return Object.keys(MODES).map((name) =>
        days.find((d) => d.day === last && d.mode === name)).filter(Boolean);
}

function modeTable(days) {
    const rows = latest(days);
    if (!rows.length)
        return empty("Costs are known once the fleet has been looked at: within ten minutes.");
    const sum = (key) => rows.reduce((all, r) => all + r[key], 0);
    const all = [...rows, {mode: null, customers: sum("customers"), revenue: sum("revenue"),
        cost: sum("cost")}];
    return table({caption: "Revenue and cost a month by mode", rows: all, columns: [
        {title: "Mode", cell: (r) => r.mode ? modeTag(r.mode) : h("strong", {}, "Both")},
        {title: "Customers", number: true, cell: (r) => count(r.customers)},
        {title: "Revenue", number: true, cell: (r) => money(r.revenue)},
        {title: "Cost", number: true, cell: (r) => money(r.cost)},
        {title: "Margin", number: true, cell: (r) => signedMoney(r.revenue - r.cost)},
        {title: "Of revenue", number: true, cell: (r) => share(r.revenue
            ? (r.revenue - r.cost) / r.revenue : null)},
        {title: "Cost of one", number: true, minor: true, cell: (r) => money(r.customers
            ? r.cost / r.customers : null)},
    ]});
}

function customerTable(caption, rows, none) {
    const most = Math.max(...rows.map((r) => Math.abs(r.margin)), 0);
    return table({caption, rows, none, columns: [
        {title: "Customer", cell: (t) => h("a", {href: `/ui/customers/${t.slug}`}, t.name)},
        {title: "Mode", minor: true, cell: (t) => modeTag(t.mode)},
        {title: "Plan", cell: (t) => words(t.plan)},
        {title: "Pays", number: true, cell: (t) => money(t.price)},
        {title: "Costs", number: true, cell: (t) => money(t.cost)},
        {title: "Margin", number: true, cell: (t) => signedMoney(t.margin)},
        {title: "", label: "As a bar", minor: true, cell: (t) => balance(t.margin, most)},
    ]});
}

export default function costs(ctx) {
    const days = part(ctx, "The costs", "/api/fleet/days?days=90", (reply) => h("div", {},
        section("Now, by mode", modeTable(reply.days)),
        h("div", {class: "columns"},
            section("Cost a month", modeLines(ctx, "Cost a month", reply.days, "cost", money)),
            section("Revenue a month", modeLines(ctx, "Revenue a month", reply.days, "revenue",
                money)))));
    return h("div", {}, ctx.heading("Costs"),
        h("p", {class: "lead"}, "List prices without VAT, as decisions count with them; what the " +
            "customers pay is their plans' prices. ", h("code", {}, "webhost prices"),
        " tells what a slot costs."),
        days,
        part(ctx, "The customers", "/api/fleet/tops", (reply) => h("div", {},
            section("At a loss", customerTable("Customers that cost more than they pay", reply.loss,
                "Nobody costs more than it pays.")),
            section("Costliest", customerTable("Costliest customers", reply.costly,
                "Nobody's cost is known yet."))), {every: 60000}));
}

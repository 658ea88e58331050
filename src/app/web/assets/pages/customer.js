// One customer: where it lives and why, what would change that, what it uses, what was decided and
// moved.

import {get, post, query} from "../api.js";
import {balance, lines} from "../chart.js";
import {h} from "../dom.js";
import {bytes, count, day, duration, hour, money, number, share, signed, signedMoney, time, words}
    from "../format.js";
import {part} from "../live.js";
import {action, confirm, empty, facts, modeTag, pager, section, status, table} from "../ui.js";
import {FACTORS, load as loadPolicy, turningPoints} from "../policy.js";
import {moveTable} from "./movetable.js";
import {proposalButtons} from "./proposals.js";

const path = (ctx, rest = "") => `/api/customers/${encodeURIComponent(ctx.id)}${rest}`;

/* -- why ----------------------------------------------------------------------------------- */

function valueText(value) {
    if (value === null || value === undefined)
        return h("span", {class: "faint"}, "not given");
    if (Array.isArray(value))
        return value.length ? value.join(", ") : "none";
    return typeof value === "number" ? number(value) : String(value);
}

const MODE_NAMES = ["multi_tenant", "single_tenant"];
const ruleWords = (rule) => rule.replace("<=", "≤").replace(">=", "≥").replace("==", "=");

function factorTable(decision) {
    const rule = (mode) => (f) => f.rules[mode] ? ruleWords(f.rules[mode])
        : h("span", {class: "faint"}, "–");
    const most = Math.max(...decision.factors.map((f) =>
        Math.abs(f.contributions.single_tenant - f.contributions.multi_tenant)), 0);
    const total = {name: null, contributions: decision.scores, rules: {}};
    return table({caption: "Factors", key: "factors", rows: [...decision.factors, total], columns: [
        {title: "Factor", cell: (f) => f.name ? FACTORS[f.name] || words(f.name)
            : h("strong", {}, "Score")},
        {title: "Value", cell: (f) => f.name ? valueText(f.value) : ""},
        {title: "Shared", number: true, cell: (f) => f.name
            ? signed(f.contributions.multi_tenant) : number(f.contributions.multi_tenant)},
        {title: "Rule", minor: true, cell: (f) => f.name ? rule("multi_tenant")(f) : ""},
        {title: "Dedicated", number: true, cell: (f) => f.name
            ? signed(f.contributions.single_tenant) : number(f.contributions.single_tenant)},
        {title: "Rule", minor: true, cell: (f) => f.name ? rule("single_tenant")(f) : ""},
        {title: "Speaks for", minor: true, cell: (f) => {
            const lead = f.contributions.single_tenant - f.contributions.multi_tenant;
            return h("span", {}, balance(lead, f.name ? most : 1, MODE_NAMES), " ",
                Math.abs(lead) < 1e-9 ? "neither" : lead > 0 ? "dedicated" : "shared");
        }},
    ]});
}

async function turns(ctx, decision) {
    const policy = await loadPolicy(decision.policy.name, ctx.signal);
    const list = turningPoints(policy, decision);
    if (!list.length)
        return h("p", {class: "soft"}, "No single factor would turn the choice by the scores.");
    return h("ul", {class: "turns"}, list.map((t) => h("li", {},
        h("strong", {}, FACTORS[t.factor]), " ", valueText(t.value), " instead of ",
        valueText(t.present), " → ", modeTag(t.mode), h("span", {class: "faint"},
            ` (shared ${number(t.multi)}, dedicated ${number(t.single)})`))));
}

function whyText(decision) {
    const constraints = decision.constraints || [];
    return h("div", {class: "stack"},
        h("p", {}, decision.trigger ? h("span", {class: "soft"}, `At ${decision.trigger}, `,
            time(decision.made_at), ": ") : null, modeTag(decision.mode), ", plan ", words(decision.plan), ", confidence ",
            number(decision.confidence), ". ", decision.reason),
        constraints.length > 0 && h("ul", {class: "turns"}, constraints.map((c) => h("li", {},
            h("strong", {}, c.name), ` requires ${words(c.mode).toLowerCase()}, whatever the scores: ` +
                `${c.because ?? c.reason ?? ""}`))),
        factorTable(decision),
        decision.alternatives?.length > 0 && h("p", {class: "soft"}, "Beside it: ",
            decision.alternatives.map((a) => h("span", {}, modeTag(a.mode), ", ",
                a.estimated_cost_increase !== undefined
                    ? `${money(a.estimated_cost_increase)} a month more`
                    : `${money(a.estimated_cost_savings)} a month less`, `. ${a.reason}. `))),
        h("p", {class: "faint"}, `Policy ${decision.policy.name}, estimated at `,
            money(decision.estimated_monthly_cost), " a month."));
}

function why(ctx) {
    const load = async (signal) => {
        const customer = await get(path(ctx), signal);
        return get(`/api/decisions/${customer.last_decision.id}`, signal);
    };
    return part(ctx, "The decision", load, (decision) => h("div", {class: "stack"},
        whyText(decision),
        section("What would change it", h("p", {class: "soft lead"},
            "One factor alone, by the scores. A constraint of the policy goes before them."),
        part(ctx, "The turning points", () => turns(ctx, decision).then((element) => ({element})),
            (found) => found.element))));
}

/* -- the tracker --------------------------------------------------------------------------- */

function tracker(ctx, t, reload) {
    const v = t.tracker;
    return h("div", {class: "stack"},
        h("p", {}, v.outcome ? status(v.outcome.replaceAll("_", " "), v.outcome === "stays" ? "ok"
            : ["proposed", "due", "moving"].includes(v.outcome) ? "busy" : "idle") : "",
        " ", words(v.why), v.since ? h("span", {class: "faint"}, " (since ", time(v.since), ")") : ""),
        v.outcome && facts([
            ["Recommended", v.recommended ? modeTag(v.recommended) : "–"],
            ["Confidence", number(v.confidence)],
            ["Margin over the other mode", signed(v.margin)],
            ["Saving a month", signedMoney(v.monthly_saving)],
            ["Sweeps in a row", count(v.repeats)],
        ]),
        t.proposal && h("div", {class: "top"}, h("p", {}, "A move to ", modeTag(t.proposal.to_mode),
            " waits for a person."), ctx.admin && proposalButtons(ctx,
            {customer_slug: t.customer, ...t.proposal}, reload)));
}

/* -- usage --------------------------------------------------------------------------------- */

const CHARTS = [
    {title: "API calls", format: count, of: (p) => p.api_calls},
    {title: "Response time", format: (v) => v === null ? "–" : duration(v * 1000),
        of: (p) => p.average_response_time_ms, second: (p) => p.p95_response_time_ms,
        names: ["Average", "95 % within"]},
    {title: "CPU of its machine", format: (v) => share(v, 1), of: (p) => p.cpu_utilization,
        second: (p) => p.cpu_utilization_max, names: ["Average", "Most"]},
    {title: "Users at once", format: count, of: (p) => p.peak_concurrent_users},
];

function usage(ctx, u) {
    if (!u.totals.events && u.totals.vehicle_count === null)
        return empty("No usage is recorded yet. Applications send it as events: ",
            h("code", {}, "POST /api/usage/events"));
    const x = u.series.map((p) => Date.parse(p.at) / 1000);
    const when = u.step === "hour" ? (s) => hour(s * 1000) : (s) => day(s * 1000);
    return h("div", {class: "stack"},
        facts([
            ["API calls", count(u.totals.api_calls)],
            ["Errors", share(u.totals.error_rate, 2)],
            ["Response, 95 % within", duration(u.totals.p95_response_time_ms === null ? null
                : u.totals.p95_response_time_ms * 1000)],
            ["GPS points", count(u.totals.gps_points)],
            ["Vehicles", count(u.totals.vehicle_count)],
            ["Storage", bytes(u.totals.storage_used_mb === null ? null
                : u.totals.storage_used_mb * 1e6)],
            ["Growth a month", share(u.growth_rate, 1)],
            u.forecast && ["Outgrows its slot", u.forecast.at ? time(u.forecast.at)
                : u.forecast.outcome === "now" ? status("has already", "warn")
                    : words(u.forecast.outcome)],
        ]),
        h("div", {class: "columns"}, CHARTS.map((chart) => section(`${chart.title}, by ${u.step}`,
            lines(ctx, {title: chart.title, x, format: chart.format, when,
            series: [{label: chart.names?.[0] || chart.title, values: u.series.map(chart.of)},
                chart.second && {label: chart.names[1], values: u.series.map(chart.second)}]
                .filter(Boolean)})))));
}

const HOURLY_DAYS = 7;

function usagePart(ctx) {
    let days = 7;
    const from = () => new Date(Date.now() - days * 86400e3).toISOString();
    const place = part(ctx, "Usage", (signal) => get(query(path(ctx, "/usage"),
        {from: from(), step: days > HOURLY_DAYS ? "day" : "hour"}), signal), (u) => usage(ctx, u));
    const choose = h("select", {"data-key": "days", on: {change: (event) => {
        days = Number(event.target.value);
        place.reload();
    }}}, [[1, "1 day"], [7, "7 days"], [30, "30 days"], [90, "90 days"]].map(([n, text]) =>
        h("option", {value: n, selected: n === days}, text)));
    return section("Usage", h("div", {class: "filters"}, h("label", {}, "Last", choose)), place);
}

/* -- decisions and moves ------------------------------------------------------------------- */

function decisions(ctx) {
    const load = async (signal, cursor) => {
        const reply = await get(query(path(ctx, "/decisions"), {cursor, limit: 10}), signal);
        return {rows: reply.decisions, next: reply.next_cursor};
    };
    return part(ctx, "Decisions", (signal) => load(signal), (page) => pager(page,
        (rows) => table({caption: "Decisions", rows, columns: [
            {title: "Made", cell: (d) => time(d.made_at)},
            {title: "At", cell: (d) => words(d.trigger)},
            {title: "Mode", cell: (d) => modeTag(d.mode)},
            {title: "Plan", minor: true, cell: (d) => words(d.plan)},
            {title: "Confidence", number: true, cell: (d) => number(d.confidence)},
            {title: "Why", minor: true, wide: true, cell: (d) => d.reason},
        ]}), (cursor) => load(ctx.signal, cursor)));
}

function moveButton(ctx, c) {
    const target = c.mode === "multi_tenant" ? "single_tenant" : "multi_tenant";
    const name = target === "single_tenant" ? "dedicated" : "shared";
    return action(`Move to ${name}`, async () => {
        if (!await confirm({
            title: `Move ${c.slug} to ${name}?`,
            text: "The policy's constraints hold; its scores and the tracker's patience do not.",
            cannot: "The move starts at once. It can be stopped until the switch.",
            act: `Move to ${name}`,
        }))
            return null;
        const reply = await post("/api/admin/deployment/migrate",
            {customer_id: c.id, target_mode: target, reason: "asked for in the dashboard"});
        ctx.go(`/ui/moves/${reply.migration_id}`);
        return reply.message;
    });
}

function head(ctx, c) {
    const d = c.deployment;
    const place = d.host ? `${d.host.name} in ${d.host.location}` : d.app || "–";
    return h("div", {class: "stack"},
        h("div", {class: "top"},
            h("p", {class: "line"}, h("span", {class: "mono"}, c.slug), modeTag(d.mode),
                status(d.status), c.status === "active" ? null : status(c.status)),
            ctx.admin && c.status === "active" && d.status === "active" && moveButton(ctx, c)),
        d.error && h("p", {class: "cannot"}, d.error),
        facts([
            ["Plan", words(c.plan)],
            ["Lives on", place],
            ["Regions", (d.regions || []).join(", ") || "–"],
            ["Since", time(d.active_at || d.created_at)],
            ["E-mail", c.email],
            c.company_name && ["Company", c.company_name],
            ["Customer since", time(c.created_at)],
        ]));
}

export default function customer(ctx) {
    const title = ctx.heading(ctx.id);
    return h("div", {}, title,
        part(ctx, "The customer", path(ctx), (c) => {
            title.textContent = c.name;
            document.title = `${c.name} · WebHost`;
            return head(ctx, {...c, mode: c.deployment.mode});
        }, {every: 5000}),
        section("Why: the latest decision", why(ctx)),
        section("What the tracker makes of it", part(ctx, "The tracker", path(ctx, "/tracker"),
            (t, reload) => tracker(ctx, t, reload), {every: 15000, follows: ["proposals"]})),
        usagePart(ctx),
        section("Moves", part(ctx, "Moves", query("/api/migrations", {customer: ctx.id, limit: 20}),
            (reply) => moveTable(reply.migrations, "It has never been moved."),
            {every: 5000, follows: ["migrations"]})),
        section("Decisions", decisions(ctx)));
}

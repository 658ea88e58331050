// What became of decisions: whether they held, who stays, how long things took, what customers say
// and what they cost.

import {get, query} from "../api.js";
import {balance, bars, lines, meter} from "../chart.js";
import {h} from "../dom.js";
import {count, day, duration, MODES, money, mode, number, plural, share, signedMoney, time, words}
    from "../format.js";
import {part} from "../live.js";
import {empty, figures, modeTag, section, table} from "../ui.js";

const SPANS = [[30, "30 days"], [90, "90 days"], [180, "180 days"], [365, "365 days"]];
const MODE_NAMES = Object.keys(MODES);

const took = (seconds) => duration(seconds === null ? null : seconds * 1e6);

/** A row for each mode, and one for both where there is one. */
const byMode = (figure) => [...MODE_NAMES, "all"].filter((name) => figure[name])
    .map((name) => ({mode: name, ...figure[name]}));

const MODE_COLUMN = {title: "Mode",
    cell: (r) => r.mode === "all" ? h("strong", {}, "Both") : modeTag(r.mode)};

const whole = (title, key, more) => ({title, number: true, cell: (r) => count(r[key]), ...more});

/** A share beside its number; nothing where there is none. */
const bar = (of) => ({title: "", label: "As a bar", minor: true,
    cell: (r) => of(r) === null ? "" : meter(of(r), 1)});

/* -- the figures --------------------------------------------------------------------------- */

function summary(o) {
    const d = o.decisions.all, s = o.satisfaction.all;
    const median = (label, t) => ({label, value: took(t.median_s), note: t.count
        ? `90 % within ${took(t.p90_s)}` : "none in this time"});
    return figures([
        {label: "Decisions that held", value: share(d.accuracy, 1),
            note: `of ${count(d.settled)} settled; ${count(d.open)} open`},
        {label: "Satisfied", value: share(s.satisfied, 1),
            note: s.responses ? `${number(s.average)} of 5 by ${plural(s.responses, "answer")}`
                : "no answers"},
        ...MODE_NAMES.map((name) => ({label: `Stayed, ${mode(name).toLowerCase()}`,
            value: share(o.retention[name].retained, 1),
            note: `${count(o.retention[name].left)} of ${count(o.retention[name].there)} left`})),
        median("Time to detect, median", o.time_to_detect.all),
        median("Time to move, median", o.time_to_move.all),
    ]);
}

/* -- decisions ----------------------------------------------------------------------------- */

function decisions(o) {
    return table({caption: "Decisions by mode", rows: byMode(o.decisions), columns: [
        MODE_COLUMN,
        whole("Decisions", "decisions"),
        whole("Settled", "settled"),
        {title: "Held", number: true, cell: (r) => share(r.accuracy, 1)},
        bar((r) => r.accuracy),
        whole("Overridden", "overridden"),
        whole("Reversed", "reversed"),
        whole("Open", "open", {minor: true}),
        whole("Rated", "rated", {minor: true}),
        {title: "Of those satisfied", number: true, minor: true,
            cell: (r) => share(r.rated_satisfied, 1)},
    ]});
}

/* -- who stays ----------------------------------------------------------------------------- */

const month = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 7);

/** Of those who came in a month and mode, the share that is there now. */
function cohortLines(ctx, cohorts) {
    if (!cohorts.length)
        return empty("Nobody has signed up within the last twelve months.");
    const months = [...new Set(cohorts.map((c) => c.month))].sort();
    const there = (m, name) => cohorts.find((c) => c.month === m && c.mode === name)
        ?.retained.at(-1) ?? null;
    return lines(ctx, {
        title: "Still there, by the month they came in", when: month, sparse: true,
        x: months.map((m) => Date.parse(`${m}-01`) / 1000), format: (v) => share(v, 1),
        series: MODE_NAMES.map((name) => ({label: mode(name),
            values: months.map((m) => there(m, name))})),
    });
}

function retention(ctx, o) {
    return h("div", {class: "stack"},
        table({caption: "Retention by mode", rows: byMode(o.retention), columns: [
            MODE_COLUMN,
            whole("Were there", "there"),
            whole("Left", "left"),
            {title: "Stayed", number: true, cell: (r) => share(r.retained, 1)},
            bar((r) => r.retained),
        ]}),
        section("Still there, by the month they came in", cohortLines(ctx, o.retention.cohorts)));
}

function leavers(o) {
    const rows = [...o.cancellations.reasons].sort((a, b) => b.total - a.total);
    return table({caption: "Cancellations by reason", rows, none: "Nobody has left in this time.",
        columns: [
            {title: "Reason", wide: true, cell: (r) => words(r.reason)},
            ...MODE_NAMES.map((name) => whole(mode(name), name)),
            whole("Both", "total"),
            bar((r) => r.total / o.cancellations.total),
        ]});
}

/* -- times --------------------------------------------------------------------------------- */

const DURATIONS = [MODE_COLUMN,
    {title: "Median", number: true, cell: (r) => took(r.median_s)},
    {title: "90 % within", number: true, cell: (r) => took(r.p90_s)},
    {title: "Longest", number: true, minor: true, cell: (r) => took(r.max_s)}];

function times(o) {
    return h("div", {class: "stack"},
        section("Time to detect", h("p", {class: "soft lead"}, "From the change of a customer's " +
            "facts to the proposal or the move; by the mode that it belongs in."),
        table({caption: "Time to detect", rows: byMode(o.time_to_detect),
            columns: [...DURATIONS, whole("Found", "count")]})),
        section("Time to move", h("p", {class: "soft lead"}, "From the request to the switch; by " +
            "the mode that was moved to."),
        table({caption: "Time to move", rows: byMode(o.time_to_move), columns: [...DURATIONS,
            whole("Moved", "count"), whole("Failed", "failed", {minor: true}),
            whole("Taken back", "returned", {minor: true}),
            {title: "Success", number: true, cell: (r) => share(r.success, 1)}]})));
}

/* -- what customers say -------------------------------------------------------------------- */

function scoresOverTime(ctx, weeks) {
    return lines(ctx, {
        title: "Average score by week", sparse: true, x: weeks.map((w) => Date.parse(w.week) / 1000),
        when: (seconds) => `week of ${day(seconds * 1000)}`, format: (v) => number(v),
        series: MODE_NAMES.map((name) => ({label: mode(name),
            values: weeks.map((w) => w[name].average)})),
    });
}

function scores(satisfaction) {
    const rows = [1, 2, 3, 4, 5].map((score) => ({score, ...Object.fromEntries(
        MODE_NAMES.map((name) => [name, satisfaction[name].scores[score]]))}));
    return bars({title: "Answers by score", rows, first: "Score", label: (r) => String(r.score),
        parts: MODE_NAMES.map((name, i) => ({key: name, label: mode(name), kind: `series-${i}`}))});
}

function satisfaction(ctx, o) {
    if (!o.satisfaction.all.responses)
        return empty("Nobody has said anything in this time. What customers say is recorded by: ",
            h("code", {}, "webhost feedback add CUSTOMER --score 4"));
    return h("div", {class: "stack"},
        table({caption: "Satisfaction by mode", rows: byMode(o.satisfaction), columns: [
            MODE_COLUMN,
            whole("Answers", "responses"),
            {title: "Average of 5", number: true, cell: (r) => number(r.average)},
            {title: "4 or 5", number: true, cell: (r) => share(r.satisfied, 1)},
            bar((r) => r.satisfied),
        ]}),
        h("div", {class: "columns"},
            section("Average score by week", scoresOverTime(ctx, o.satisfaction.weeks)),
            section("Answers by score", scores(o.satisfaction))));
}

function newest(reply) {
    return table({caption: "Newest answers", rows: reply.feedback, none: "There are none.", columns: [
        {title: "Customer", cell: (f) => h("a", {href: `/ui/customers/${f.customer_slug}`},
            f.customer_slug)},
        {title: "Score", number: true, cell: (f) => count(f.score)},
        {title: "Mode", minor: true, cell: (f) => modeTag(f.mode)},
        {title: "In its words", wide: true, cell: (f) => f.comment || ""},
        {title: "When", minor: true, cell: (f) => time(f.created_at)},
    ]});
}

/* -- costs --------------------------------------------------------------------------------- */

function costs(reply) {
    const most = Math.max(...reply.worst.map((c) => Math.abs(c.margin)), 0);
    return h("div", {class: "stack"},
        table({caption: "Cost and margin by mode", rows: byMode(reply.totals), columns: [
            MODE_COLUMN,
            whole("Customers", "customers"),
            {title: "Cost of one", number: true, cell: (r) => money(r.cost_per_customer)},
            {title: "Pay", number: true, minor: true, cell: (r) => money(r.price)},
            {title: "Cost", number: true, minor: true, cell: (r) => money(r.cost)},
            {title: "Margin", number: true, cell: (r) => signedMoney(r.margin)},
            {title: "Of their plans", number: true, cell: (r) => share(r.margin_share, 1)},
            whole("At a loss", "losing", {minor: true}),
        ]}),
        section("Smallest margins", table({caption: "Smallest margins", rows: reply.worst,
            none: "Nobody's cost is known yet.", columns: [
                {title: "Customer", cell: (c) => h("a", {href: `/ui/customers/${c.slug}`}, c.slug)},
                {title: "Mode", minor: true, cell: (c) => modeTag(c.mode)},
                {title: "Plan", cell: (c) => words(c.plan)},
                {title: "Its price", number: true, cell: (c) => money(c.price)},
                {title: "Costs", number: true, cell: (c) => money(c.cost)},
                {title: "Margin", number: true, cell: (c) => signedMoney(c.margin)},
                {title: "", label: "As a bar", minor: true, cell: (c) => balance(c.margin, most)},
            ]})));
}

/* -- the page ------------------------------------------------------------------------------ */

export default function outcomes(ctx) {
    let days = SPANS.some(([n]) => String(n) === ctx.query.get("days"))
        ? Number(ctx.query.get("days")) : 90;
    const place = part(ctx, "The outcomes",
        (signal) => get(query("/api/outcomes", {from: `${days}d`}), signal),
        (o) => h("div", {class: "stack"}, summary(o),
            section("Whether decisions held", decisions(o)),
            section("Who stays", retention(ctx, o)),
            section("Why customers left", leavers(o)),
            times(o),
            section("What customers say", satisfaction(ctx, o))));
    const choose = h("select", {"data-key": "days", on: {change: (event) => {
        days = Number(event.target.value);
        ctx.setQuery({days});
        place.reload();
    }}}, SPANS.map(([n, text]) => h("option", {value: n, selected: n === days}, text)));
    return h("div", {}, ctx.heading("Outcomes"),
        h("p", {class: "lead"}, "Whether what was decided was right. A decision held when for 30 " +
            "days nobody overrode it and nothing reversed it."),
        h("div", {class: "filters"}, h("label", {}, "Last", choose)), place,
        section("Newest answers", part(ctx, "The answers", "/api/feedback?limit=10", newest)),
        section("Cost and margin a month", part(ctx, "The costs", "/api/outcomes/costs?limit=1",
            costs)));
}

// What if the policy were another: thresholds by slider, who would move, what it would cost. Nothing
// changes but a file that can be saved.

import {post} from "../api.js";
import {h, replace} from "../dom.js";
import {count, money, number, plural, signedMoney} from "../format.js";
import {failure, part} from "../live.js";
import {FACTORS, comparison, difference, load} from "../policy.js";
import {empty, figures, modeTag, pager, section, table} from "../ui.js";

const SCALARS = {
    choose_above: "A mode wins at once above",
    migrate_above: "A move needs more confidence than",
    base_score: "Both scores start at",
};
const MODES = ["multi_tenant", "single_tenant"];
const NAME = "what-if";
const PATIENCE_MS = 300;

/* -- sliders ------------------------------------------------------------------------------- */

let sliders = 0;

function slider(label, value, {min, max, step}, changed) {
    const id = `slider-${++sliders}`;
    const out = h("output", {for: id}, number(value));
    const input = h("input", {type: "range", id, min, max, step, value: String(value), on: {input() {
        out.textContent = number(Number(input.value));
        changed(Number(input.value));
    }}});
    return h("div", {class: "slider"}, h("label", {for: id}, label), out, input);
}

function thresholdSlider(rule, text, changed) {
    const c = comparison(rule.when);
    if (!c)
        return null;
    const step = c.number <= 20 ? 1 : 5;
    return slider(`${text}: when ${c.operator}`, c.number,
        {min: 0, max: Math.max(c.number * 3, 5), step}, (value) => {
            rule.when = `${c.operator} ${value}`;
            changed();
        });
}

function ruleSliders(rule, mode, changed) {
    const name = mode === "multi_tenant" ? "Shared" : "Dedicated";
    return [
        thresholdSlider(rule, name, changed),
        slider(`${name}: ${comparison(rule.when) ? "adds" : `when ${rule.when}, adds`}`, rule.add,
            {min: -1, max: 1, step: 0.05}, (value) => { rule.add = value; changed(); }),
    ];
}

function controls(policy, changed) {
    return h("div", {class: "controls"},
        Object.entries(SCALARS).map(([key, label]) => slider(label, policy.scalars[key],
            {min: 0, max: 1, step: 0.01}, (value) => {
                policy.scalars[key] = value;
                changed();
            })),
        Object.entries(FACTORS).map(([factor, label]) => h("details", {"data-key": factor},
            h("summary", {}, label),
            MODES.flatMap((mode) => (policy.factors[factor]?.[mode] || []).flatMap((rule) =>
                ruleSliders(rule, mode, changed))))));
}

/* -- results ------------------------------------------------------------------------------- */

function totals(t) {
    return figures([
        {label: "Would move", value: count(t.moves.multi_tenant + t.moves.single_tenant),
            note: `of ${plural(t.customers, "customer")}`},
        {label: "To shared", value: count(t.moves.multi_tenant),
            note: `${count(t.modes_now.multi_tenant)} now, ${count(t.modes_then.multi_tenant)} then`},
        {label: "To dedicated", value: count(t.moves.single_tenant),
            note: `${count(t.modes_now.single_tenant)} now, ${count(t.modes_then.single_tenant)} then`},
        {label: "Cost a month", value: money(t.monthly_cost_then),
            note: `${money(t.monthly_cost_now)} now, ${signedMoney(t.monthly_difference)}`},
    ]);
}

function moveList(rows) {
    return table({caption: "Who would move", rows, key: "who",
        none: "Nobody would move.", columns: [
            {title: "Customer", cell: (m) => h("a", {href: `/ui/customers/${m.slug}`}, m.slug)},
            {title: "To", cell: (m) => modeTag(m.to_mode)},
            {title: "Confidence", number: true, cell: (m) => number(m.confidence)},
            {title: "Cost now", number: true, cell: (m) => money(m.cost_now)},
            {title: "Cost then", number: true, cell: (m) => money(m.cost_then)},
            {title: "Now too", minor: true, cell: (m) => m.recommended_now ? "yes" : "no"},
            {title: "Why", minor: true, wide: true, cell: (m) => m.reason},
        ]});
}

function file(text) {
    const save = h("a", {class: "button", download: `${NAME}.yaml`,
        href: URL.createObjectURL(new Blob([text], {type: "application/yaml"}))}, "Save as a file");
    return h("div", {class: "stack"},
        h("pre", {tabindex: "0", "aria-label": "The policy file"}, text),
        h("p", {}, save, " ", h("span", {class: "soft"}, "To use it: put it beside the configuration, " +
            "set ", h("code", {}, `policy: ${NAME}.yaml`), ", and start the server again.")));
}

/* -- the page ------------------------------------------------------------------------------ */

function workbench(ctx, before) {
    const after = structuredClone(before);
    const results = h("div", {class: "stack", "aria-live": "polite"});
    let timer = null, asked = 0;

    async function ask() {
        const mine = ++asked;
        const text = difference(NAME, before, after);
        const simulate = (cursor) => post(`/api/policies/simulate?limit=50${cursor
            ? `&cursor=${cursor}` : ""}`, {policy: text}, ctx.signal);
        try {
            const reply = await simulate(null);
            if (mine !== asked || ctx.signal.aborted)
                return;
            replace(results, totals(reply.totals),
                pager({rows: reply.moves, next: reply.next_cursor}, moveList, async (cursor) => {
                    const page = await simulate(cursor);
                    return {rows: page.moves, next: page.next_cursor};
                }), section("As a file", file(text)));
        } catch (error) {
            if (!ctx.signal.aborted && mine === asked)
                replace(results, failure("The simulation", error, ask));
        }
    }

    function changed() {
        clearTimeout(timer);
        timer = setTimeout(ask, PATIENCE_MS);
    }

    ask();
    return h("div", {class: "bench"}, controls(after, changed), results);
}

export default function whatif(ctx) {
    let base = null;
    const bench = h("div", {});
    const choose = h("select", {"data-key": "base", on: {change: (event) => {
        base = event.target.value;
        open();
    }}});

    function open() {
        replace(bench, part(ctx, "The policy", (signal) => load(base, signal),
            (policy) => workbench(ctx, policy)));
    }

    const policies = () => part(ctx, "The policies", "/api/policies", (reply) => {
        base = reply.policies[0].name;
        replace(choose, reply.policies.map((p) => h("option", {value: p.name},
            p.active ? `${p.name} (active)` : p.name)));
        open();
        return h("div", {class: "filters"}, h("label", {}, "Start from", choose));
    });
    const body = ctx.admin ? [policies(), bench] : [empty("Trying a policy takes an admin's token: it " +
        "looks at every customer.")];
    return h("div", {}, ctx.heading("What if"),
        h("p", {class: "lead"}, "Another policy over what is recorded of all customers: who would " +
            "move, and what that would cost a month. Nothing is changed."), body);
}

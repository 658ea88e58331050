// A placement policy's text, as far as a page needs it: the thresholds, and what each rule adds.
// The decisions are the server's; what is worked out here is which single change would turn one.

import {get} from "./api.js";

export const FACTORS = {
    budget: "Budget, USD a month", vehicle_count: "Vehicles",
    compliance_requirements: "Compliance", latency_requirement: "Latency, ms",
    geographic_distribution: "Regions", peak_concurrent_users: "Users at the peak",
};
const SCALARS = ["base_score", "choose_above", "migrate_above"];
const MODES = ["multi_tenant", "single_tenant"];

const unquoted = (text) => text.trim().replace(/^"(.*)"$/, "$1");

function parseRule(line) {
    const body = /^ {6}- \{(.*)\}/.exec(line);
    const when = body && /when: ("[^"]*"|[^,}]*)/.exec(body[1]);
    const add = body && /add: (-?[\d.]+)/.exec(body[1]);
    const because = body && /because: (.*?)\s*$/.exec(body[1]);
    return when && add && {when: unquoted(when[1]), add: Number(add[1]),
        because: because ? because[1] : null};
}

/** {name, extends, scalars: {name: number}, factors: {factor: {mode: [rules]}}} of one file. */
export function parse(text) {
    const out = {name: null, extends: null, scalars: {}, factors: {}};
    let top = null, factor = null, mode = null;
    for (const line of text.split("\n")) {
        const key = /^(\w+):\s*([^#]*)/.exec(line);
        if (key) {
            top = key[1];
            if (top === "name" || top === "extends")
                out[top] = unquoted(key[2]);
            if (SCALARS.includes(top))
                out.scalars[top] = Number(key[2]);
        }
        if (top !== "factors")
            continue;
        factor = /^ {2}(\w+):/.exec(line)?.[1] ?? factor;
        const of = /^ {4}(\w+):/.exec(line);
        if (of) {
            mode = of[1];
            (out.factors[factor] ??= {})[mode] = [];
        }
        const rule = parseRule(line);
        if (rule)
            out.factors[factor][mode].push(rule);
    }
    return out;
}

/** The policy of that name with all that it extends. */
export async function load(name, signal) {
    const files = [];
    for (let next = name; next && files.length < 5; next = files[files.length - 1].extends)
        files.push(parse((await get(`/api/policies/${encodeURIComponent(next)}`, signal)).text));
    const whole = {name, scalars: {}, factors: {}};
    for (const file of files.reverse()) {
        Object.assign(whole.scalars, file.scalars);
        for (const [factor, modes] of Object.entries(file.factors))
            whole.factors[factor] = {...whole.factors[factor], ...modes};
    }
    return whole;
}

/** "< 50" as {operator, number}, or null for "any" and its like. */
export function comparison(when) {
    const found = /^(<=|>=|==|<|>) (-?[\d.]+)$/.exec(when);
    return found && {operator: found[1], number: Number(found[2])};
}

function holds(when, value) {
    if (value === null || value === undefined)
        return false;
    if (Array.isArray(value)) {
        if (when === "any")
            return value.length > 0;
        if (when === "none")
            return value.length === 0;
        return when.startsWith("has ") && value.includes(when.slice(4));
    }
    const c = comparison(when);
    if (!c)
        return when === "any";
    return {"<": value < c.number, "<=": value <= c.number, ">": value > c.number,
        ">=": value >= c.number, "==": value === c.number}[c.operator];
}

const added = (rules, value) => (rules || []).find((rule) => holds(rule.when, value))?.add ?? 0;

/** Without the error of binary fractions: as the server counts, in 1/10000. */
const exact = (value) => Math.round(value * 10000) / 10000;
const clamped = (value) => Math.min(Math.max(exact(value), 0), 1);

function choose(policy, multi, single) {
    if (multi > policy.scalars.choose_above)
        return "multi_tenant";
    if (single > policy.scalars.choose_above)
        return "single_tenant";
    return multi > single ? "multi_tenant" : "single_tenant";
}

/** Values that a rule of the factor could see, one for each way its conditions can turn out. */
function candidates(rules, factor) {
    if (factor === "compliance_requirements")
        return [[], ["soc2"], ["hipaa"], ["gdpr"]];
    const numbers = rules.map((rule) => comparison(rule.when)?.number).filter((n) => n !== undefined);
    const around = numbers.flatMap((n) => [n - 1, n, n + 1]).filter((n) => n >= 0);
    return [...new Set(factor === "geographic_distribution" ? around.filter((n) => n > 0) : around)];
}

const valueOf = (factor) => factor.name === "geographic_distribution" && Array.isArray(factor.value)
    ? factor.value.length : factor.value;

/**
 * Which other value of one factor alone would turn the choice by the scores: the nearest to the
 * present one of each, as [{factor, value, present, multi, single, mode}].
 */
export function turningPoints(policy, decision) {
    const sum = (mode) => decision.factors.reduce((all, f) => all + f.contributions[mode],
        policy.scalars.base_score);
    const total = Object.fromEntries(MODES.map((mode) => [mode, sum(mode)]));
    const now = choose(policy, clamped(total.multi_tenant), clamped(total.single_tenant));
    return decision.factors.flatMap((f) => {
        const rules = policy.factors[f.name] || {}, present = valueOf(f);
        const all = [...(rules.multi_tenant || []), ...(rules.single_tenant || [])];
        const turns = candidates(all, f.name).map((value) => {
            const [multi, single] = MODES.map((mode) =>
                clamped(total[mode] - f.contributions[mode] + added(rules[mode], value)));
            return {factor: f.name, value, present, multi, single, mode: choose(policy, multi, single)};
        }).filter((turn) => turn.mode !== now);
        const distance = (turn) => typeof turn.value === "number" && typeof present === "number"
            ? Math.abs(turn.value - present) : 0;
        return turns.sort((a, b) => distance(a) - distance(b)).slice(0, 1);
    });
}

/* -- writing ------------------------------------------------------------------------------- */

const quoted = (when) => /^[a-z ]+$/.test(when) ? when : `"${when}"`;

function ruleText(rule) {
    const because = rule.because ? `, because: ${rule.because}` : "";
    return `      - {when: ${quoted(rule.when)}, add: ${exact(rule.add)}${because}}`;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** A file that extends `before` and says only what is other in `after`. */
export function difference(name, before, after) {
    const out = [`name: ${name}`, `extends: ${before.name}`,
        `summary: ${before.name} with other thresholds`];
    for (const key of SCALARS) {
        if (after.scalars[key] !== before.scalars[key])
            out.push(`${key}: ${exact(after.scalars[key])}`);
    }
    const factors = Object.keys(after.factors).filter((factor) =>
        !same(after.factors[factor], before.factors[factor]));
    if (factors.length)
        out.push("factors:");
    for (const factor of factors) {
        out.push(`  ${factor}:`);
        for (const mode of MODES.filter((m) =>
            !same(after.factors[factor][m], before.factors[factor][m]))) {
            out.push(`    ${mode}:`);
            out.push(...after.factors[factor][mode].map(ruleText));
        }
    }
    return `${out.join("\n")}\n`;
}

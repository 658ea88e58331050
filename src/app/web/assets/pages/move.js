// One move as it happens: steps, rows, rate, what is left, the stall, the proof, and what can still
// be done about it.

import {post} from "../api.js";
import {meter} from "../chart.js";
import {h} from "../dom.js";
import {bytes, count, duration, exactTime, share, time, words} from "../format.js";
import {part} from "../live.js";
import {action, confirm, facts, modeTag, section, status, table} from "../ui.js";
import {took} from "./movetable.js";

/* What can be done, in the words of the dialogs. What is possible now, the API says (`can`). */
const VERBS = [
    {
        name: "cancel", path: "cancel", text: "Abort",
        title: "Stop this move?", kind: "danger",
        about: "What was made and copied for it is removed; the customer stays where it is and " +
            "goes on writing.",
        cannot: "The copy has to begin again if the move is wanted after all.",
    },
    {
        name: "roll_back", path: "roll-back", text: "Roll back",
        title: "Take this move back?", kind: "danger",
        about: "The customer goes back to where it came from, with everything it has written since.",
        cannot: "There is a short stall, as at the move itself. The new place is removed after it.",
    },
    {
        name: "finish", path: "finish", text: "Finish now",
        title: "End the soak now?", kind: "danger",
        about: "The customer stays where it is, and what it left behind is removed.",
        cannot: "After this there is no way back but another move.",
    },
    {
        name: "retry", path: "retry", text: "Start again",
        title: "Start this move again?", kind: "main",
        about: "A new move to the same mode begins from the start.",
    },
];

/* A server that does not say what can be done knows one verb. */
const BEFORE_SWITCH = ["requested", "provisioning", "copying", "verifying"];

function possible(m) {
    const can = m.can || {cancel: BEFORE_SWITCH.includes(m.state)};
    return VERBS.filter((verb) => can[verb.name]);
}

function buttons(ctx, m, reload) {
    return h("div", {class: "buttons"}, possible(m).map((verb) => action(verb.text, async () => {
        if (!await confirm({title: verb.title, text: verb.about, cannot: verb.cannot,
            act: verb.text, danger: verb.kind === "danger"}))
            return null;
        const reply = await post(`/api/migrations/${m.id}/${verb.path}`);
        if (reply.id !== m.id)
            ctx.go(`/ui/moves/${reply.id}`);
        else
            await reload();
        return `${verb.text}: asked for`;
    }, {kind: verb.kind, key: verb.name})));
}

/* -- how far it is ------------------------------------------------------------------------- */

function bar(m) {
    const p = m.progress;
    if (!p || !p.rows_total || m.finished_at || m.switched_at)
        return null;
    const left = !p.eta_s ? "" : `, about ${duration(p.eta_s * 1e6)} left`;
    const rate = p.rows_per_second === null ? "" : `, ${count(p.rows_per_second)} rows/s`;
    return h("div", {class: "progress"},
        h("progress", {max: "100", value: p.percent ?? 0, "aria-label": "Rows copied"}),
        h("p", {class: "soft"},
            `${count(p.rows_done)} of ${count(p.rows_total)} rows, ${bytes(p.bytes_done)}${rate}${left}`));
}

function steps(m) {
    if (!m.steps?.length)
        return null;
    const rows = [...m.steps].sort((a, b) => a.started_at.localeCompare(b.started_at));
    return section("Steps", table({caption: "Steps", key: "steps", rows, columns: [
        {title: "Step", cell: (s) => words(s.step)},
        {title: "State", cell: (s) => s.error ? status("given back", "bad")
            : s.finished_at ? status("done", "ok") : status(m.finished_at ? "ended" : "under way",
                m.finished_at ? "idle" : "busy")},
        {title: "Took", number: true, cell: (s) => duration(s.took_us ??
            (Date.now() - Date.parse(s.started_at)) * 1000)},
        {title: "Begun", minor: true, cell: (s) => time(s.started_at)},
        {title: "Error", wide: true, minor: true, cell: (s) => s.error || ""},
    ]}));
}

function tables(m) {
    if (!m.tables?.length)
        return null;
    return section("Tables", table({caption: "Tables", key: "tables", rows: m.tables, columns: [
        {title: "Table", cell: (t) => h("span", {class: "mono"}, t.name)},
        {title: "Rows", number: true, cell: (t) => `${count(t.rows_done)} of ${count(t.rows_total)}`},
        {title: "Share", number: true, cell: (t) => share(t.rows_total
            ? Math.min(t.rows_done / t.rows_total, 1) : 1)},
        {title: "", label: "As a bar", minor: true, cell: (t) => meter(t.rows_done, t.rows_total || 1)},
        {title: "Size", number: true, minor: true, cell: (t) => bytes(t.bytes_done)},
    ]}));
}

function proof(m) {
    const list = m.proof?.tables ?? m.proof ?? {};
    const rows = Array.isArray(list) ? list
        : Object.entries(list).map(([name, digest]) => ({name, ...digest}));
    if (!rows.length)
        return null;
    return section("Proof", h("p", {class: "soft lead"},
        m.proof_state === "differs" ? "The two sides differ."
            : "Every row was compared at the cut: both sides have the same count and digest."),
    table({caption: "Proof", key: "proof", rows, columns: [
        {title: "Table", cell: (p) => h("span", {class: "mono"}, p.name)},
        {title: "Rows", number: true, cell: (p) => count(p.rows)},
        {title: "Digest of both sides", minor: true, cell: (p) => {
            const digest = String(p.digest ?? p.sha256 ?? "");
            return h("span", {class: "mono faint", title: digest}, `${digest.slice(0, 24)}…`);
        }},
    ]}));
}

function draw(ctx, m, reload) {
    const moves = m.from_mode !== m.to_mode;
    return h("div", {class: "stack"},
        h("div", {class: "top"},
            h("p", {class: "line"}, h("a", {href: `/ui/customers/${m.customer_slug}`},
                m.customer_slug), h("span", {}, m.customer_name), h("span", {}, "from ",
                modeTag(m.from_mode)), h("span", {}, "to ", moves ? modeTag(m.to_mode)
                : "another place"), status(m.state)),
            ctx.admin && buttons(ctx, m, reload)),
        m.says && h("p", {class: "soft"}, words(m.says)),
        m.error && h("p", {class: "cannot"}, m.error),
        bar(m),
        facts([
            ["Rows copied", count(m.rows_copied ?? m.progress?.rows_done)],
            m.doing && !m.switched_at && ["At the moment", m.doing],
            m.lag_bytes > 0 && ["Behind the source", bytes(m.lag_bytes)],
            ["Stall at the switch", m.stall_us === null && !m.finished_at ? "not yet"
                : duration(m.stall_us)],
            ["Took", took(m)],
            ["Begun", time(m.created_at)],
            m.finished_at && ["Ended", time(m.finished_at)],
            m.soak_until && !m.finished_at && ["Way back until", h("span", {}, time(m.soak_until),
                ` (${exactTime(m.soak_until)})`)],
            ["Asked for by", m.requested_by],
            ["Why", m.reason],
        ]),
        steps(m), tables(m), proof(m));
}

/** The move's own events, where the server has them; the polls find the same. */
function listen(ctx, reload) {
    if (!("EventSource" in window))
        return;
    const source = new EventSource(`/api/migrations/${ctx.id}/events`);
    source.addEventListener("migration", (event) => {
        reload();
        if (JSON.parse(event.data).finished_at)
            source.close();
    });
    ctx.signal.addEventListener("abort", () => source.close());
}

export default function move(ctx) {
    const place = part(ctx, "The move", `/api/migrations/${encodeURIComponent(ctx.id)}`,
        (m, reload) => draw(ctx, m, reload), {every: 2000});
    listen(ctx, () => place.reload());
    return h("div", {}, ctx.heading("Move"), place);
}

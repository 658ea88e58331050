// What pages are made of: headings, figures, statuses, tables, dialogs.

import {announce, h} from "./dom.js";
import {mode} from "./format.js";

const KINDS = {
    ok: ["active", "completed", "approved", "ok", "created", "applied"],
    busy: ["provisioning", "executing", "requested", "preparing", "copying", "indexing",
        "catching_up", "verifying", "cutting_over", "soaking", "cleaning", "available", "running",
        "creating", "draining", "removing", "returning"],
    warn: ["retryable", "pending", "cancelling", "failing", "retiring", "paused", "expired",
        "leaving", "superseded", "scheduled"],
    bad: ["failed", "discarded", "rejected", "error"],
};

export function kindOf(name) {
    return Object.keys(KINDS).find((kind) => KINDS[kind].includes(name)) || "idle";
}

/** Colour and words: a dot says nothing to those who do not see it. */
export function status(name, kind = kindOf(name), text = String(name).replaceAll("_", " ")) {
    return h("span", {class: `status ${kind}`}, text);
}

export function modeTag(name) {
    return h("span", {class: `mode ${name}`}, mode(name));
}

export function section(title, ...content) {
    const id = `s-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
    return h("section", {"aria-labelledby": id}, h("h2", {id}, title), ...content);
}

/** [{label, value, note, href}] in a row. */
export function figures(list) {
    return h("dl", {class: "figures"}, list.filter(Boolean).map((f) => h("div", {class: f.kind},
        h("dt", {}, f.label),
        h("dd", {}, f.href ? h("a", {href: f.href}, f.value) : f.value),
        f.note && h("dd", {class: "note"}, f.note))));
}

/** Name and value, one below the other. */
export function facts(list) {
    return h("dl", {class: "facts"}, list.filter(Boolean).map(([name, value]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export const empty = (...content) => h("p", {class: "empty"}, ...content);

/**
 * columns: [{title, cell(row), number, minor, wide, label}]; minor ones are left out on a phone, wide
 * ones wrap. The first column names its row; `label` stands for a title that is not shown.
 */
export function table({caption, columns, rows, key, none}) {
    if (!rows.length)
        return empty(none || "Nothing here.");
    const kinds = columns.map((c) => [c.number && "number", c.minor && "minor", c.wide && "wide"]
        .filter(Boolean).join(" ") || null);
    const head = h("tr", {}, columns.map((c, i) => h("th", {scope: "col", class: kinds[i]},
        c.title || h("span", {class: "unseen"}, c.label || "Actions"))));
    const line = (row) => h("tr", {}, columns.map((c, i) => h(i ? "td" : "th",
        {class: kinds[i], scope: i ? null : "row"}, c.cell(row))));
    return h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": caption,
        "data-key": key || `table ${caption}`},
        h("table", {}, h("caption", {class: "unseen"}, caption), h("thead", {}, head),
            h("tbody", {}, rows.map(line))));
}

/** Asks before something is done. Resolves to true, or what was written into `ask`. */
export function confirm({title, text, cannot, act, danger, ask}) {
    return new Promise((resolve) => {
        const input = ask && h("input", {type: "text", id: "dialog-answer", maxlength: "500"});
        const dialog = h("dialog", {"aria-labelledby": "dialog-title"},
            h("form", {method: "dialog"},
                h("h2", {id: "dialog-title"}, title),
                h("p", {}, text),
                cannot && h("p", {class: "cannot"}, cannot),
                ask && h("label", {for: "dialog-answer"}, ask), input,
                h("div", {class: "buttons"},
                    h("button", {type: "submit", value: "no"}, "Leave it"),
                    h("button", {type: "submit", value: "yes", class: danger ? "danger" : "main"},
                        act))));
        dialog.addEventListener("close", () => {
            dialog.remove();
            resolve(dialog.returnValue === "yes" ? (ask ? {text: input.value} : true) : false);
        });
        document.body.append(dialog);
        dialog.showModal();
    });
}

/** A button that works once at a time and says what came of it. */
export function action(text, work, {kind = "", key, title} = {}) {
    const problem = h("span", {class: "problem", role: "alert"});
    const button = h("button", {type: "button", class: kind, "data-key": key || text, title,
        on: {click: run}}, text);

    async function run() {
        if (button.getAttribute("aria-busy"))
            return;
        button.setAttribute("aria-busy", "true"); // disabled, it would lose the focus
        problem.textContent = "";
        try {
            const said = await work();
            if (said)
                announce(said);
        } catch (error) {
            problem.textContent = error.message;
        } finally {
            button.removeAttribute("aria-busy");
        }
    }

    return h("span", {class: "action"}, button, problem);
}

/** The rest of a list, page by page. `fetchPage(cursor)` gives {rows, next}. */
export function pager(first, render, fetchPage) {
    let rows = first.rows, next = first.next;
    const place = h("div", {});

    function draw() {
        const more = next && action("Show more", async () => {
            const page = await fetchPage(next);
            rows = rows.concat(page.rows);
            next = page.next;
            draw();
            return `${page.rows.length} more`;
        }, {key: "more"});
        place.replaceChildren(render(rows), more || "");
    }

    draw();
    return place;
}

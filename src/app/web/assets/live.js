// Parts of a page that load, show what they loaded, say what failed, and keep themselves current.

import {get} from "./api.js";
import {h, replace} from "./dom.js";

const BACKOFF_MAX_MS = 60000;

const KINDS = ["migrations", "proposals", "jobs"];

/** What changed on the server, told as it happens; the polls behind it go on, less often. */
class Stream {
    constructor() {
        this.listeners = new Set();
        this.source = null;
        this.works = false;
    }

    open() {
        if (this.source || !("EventSource" in window))
            return;
        const source = new EventSource("/api/events");
        source.onopen = () => { this.works = true; };
        source.onerror = () => {
            this.works = false;
            if (source.readyState === EventSource.CLOSED)
                this.source = null; // not to be had here: the polls do it alone
        };
        for (const kind of KINDS)
            source.addEventListener(kind, () => this.listeners.forEach((l) => l(kind)));
        this.source = source;
    }

    close() {
        this.source?.close();
        this.source = null;
        this.works = false;
    }

    /** Calls `act` when something of one of these kinds has changed, until `signal` ends. */
    follow(kinds, act, signal) {
        const listener = (kind) => { if (kinds.includes(kind)) act(); };
        this.listeners.add(listener);
        signal.addEventListener("abort", () => this.listeners.delete(listener));
    }
}

export const stream = new Stream();

/**
 * Calls `work` now and then until `signal` ends: every `every` ms, less often while it fails, not
 * at all while nobody looks.
 */
export function repeat(signal, every, work) {
    let timer = null, failures = 0;

    async function run() {
        clearTimeout(timer);
        if (signal.aborted || document.hidden)
            return;
        try {
            await work();
            failures = 0;
        } catch {
            failures++;
        }
        if (!signal.aborted)
            timer = setTimeout(run, Math.min(every * 2 ** failures, BACKOFF_MAX_MS));
    }

    const seen = () => { if (!document.hidden) run(); };
    document.addEventListener("visibilitychange", seen, {signal});
    signal.addEventListener("abort", () => clearTimeout(timer));
    run();
    return run;
}

export function failure(what, error, retry) {
    return h("div", {class: "failure", role: "alert"},
        h("p", {}, h("strong", {}, `${what} could not be loaded: `), error.message),
        retry && h("button", {type: "button", on: {click: retry}}, "Try again"));
}

/**
 * A place for what `view` makes of the reply. `load` is a path or a function of a signal; `every`
 * (ms) keeps it current, and so does what the stream tells of the kinds that it `follows`. What
 * cannot be loaded says so, and what was there stays.
 */
export function part(ctx, what, load, view, {every = 0, follows = [], quiet = false} = {}) {
    const body = h("div", {class: "part"});
    const notice = h("div", {});
    const place = h("div", {}, notice, body);
    const fetchIt = typeof load === "string" ? (signal) => get(load, signal) : load;
    let last = null;

    async function refresh() {
        try {
            const reply = await fetchIt(ctx.signal);
            if (ctx.signal.aborted)
                return;
            notice.replaceChildren();
            const text = JSON.stringify(reply);
            if (text !== last)
                replace(body, view(reply, again));
            last = text;
        } catch (error) {
            if (ctx.signal.aborted)
                return;
            if (last === null)
                body.replaceChildren();
            replace(notice, failure(what, error, again));
            throw error;
        }
    }

    function again() {
        return refresh().catch(() => {});
    }

    if (!quiet)
        body.append(h("p", {class: "loading"}, `Loading ${what.toLowerCase()} …`));
    const now = every ? repeat(ctx.signal, every, refresh) : again;
    if (follows.length)
        stream.follow(follows, now, ctx.signal);
    if (!every)
        again();
    place.reload = again;
    return place;
}

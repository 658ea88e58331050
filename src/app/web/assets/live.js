// Parts of a page that load, show what they loaded, say what failed, and keep themselves current.

import {get} from "./api.js";
import {h, replace} from "./dom.js";

const BACKOFF_MAX_MS = 60000;

/** Tells once each time something happened on the server; polls go on behind it. */
class Stream {
    constructor() {
        this.listeners = new Set();
        this.source = null;
        this.works = false;
    }

    open() {
        if (this.source || !("EventSource" in window))
            return;
        this.source = new EventSource("/api/events");
        this.source.onopen = () => { this.works = true; };
        this.source.onmessage = (event) => this.tell(event);
        this.source.onerror = () => {
            this.works = false;
            if (this.source?.readyState === EventSource.CLOSED)
                this.source = null; // not to be had here: the polls do it alone
        };
    }

    tell(event) {
        this.listeners.forEach((listener) => listener(event));
    }

    close() {
        this.source?.close();
        this.source = null;
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
 * (ms) keeps it current; what cannot be loaded says so, and what was there stays.
 */
export function part(ctx, what, load, view, {every = 0, quiet = false} = {}) {
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
    if (every)
        repeat(ctx.signal, every, refresh);
    else
        again();
    place.reload = again;
    return place;
}

// Numbers, money, durations and times as people read them.

import {h} from "./dom.js";

const LOCALE = "en-US";
const whole = new Intl.NumberFormat(LOCALE, {maximumFractionDigits: 0});
const upTo = [0, 1, 2].map((n) => new Intl.NumberFormat(LOCALE, {maximumFractionDigits: n}));
const money2 = new Intl.NumberFormat(LOCALE, {style: "currency", currency: "USD"});
const money0 = new Intl.NumberFormat(LOCALE,
    {style: "currency", currency: "USD", maximumFractionDigits: 0});
const exact = new Intl.DateTimeFormat(LOCALE, {dateStyle: "medium", timeStyle: "long"});
const dayOnly = new Intl.DateTimeFormat(LOCALE, {month: "short", day: "numeric", timeZone: "UTC"});
const clockOnly = new Intl.DateTimeFormat(LOCALE,
    {hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "UTC"});
const hourOnly = new Intl.DateTimeFormat(LOCALE,
    {month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
        timeZone: "UTC"});

const NONE = "–";

export const absent = (value) => value === null || value === undefined;

export const count = (value) => absent(value) ? NONE : whole.format(value);
export const number = (value, digits = 2) => absent(value) ? NONE : upTo[digits].format(value);
export const share = (value, digits = 0) =>
    absent(value) ? NONE : `${upTo[digits].format(value * 100)} %`;
export const money = (value) =>
    absent(value) ? NONE : (Math.abs(value) >= 1000 ? money0 : money2).format(value);
export const signedMoney = (value) => absent(value) ? NONE : (value > 0 ? "+" : "") + money(value);
export const signed = (value) => absent(value) ? NONE
    : value > 0 ? `+${number(value)}` : number(value).replace("-", "−");

export function bytes(value) {
    if (absent(value))
        return NONE;
    const units = ["B", "kB", "MB", "GB", "TB"];
    let size = value, unit = 0;
    for (; Math.abs(size) >= 1000 && unit < units.length - 1; unit++)
        size /= 1000;
    return `${upTo[size < 10 && unit ? 1 : 0].format(size)} ${units[unit]}`;
}

/** Of microseconds: "820 µs", "31 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "4 d". */
export function duration(us) {
    if (absent(us))
        return NONE;
    if (us < 1000)
        return `${whole.format(us)} µs`;
    const ms = us / 1000;
    if (ms < 1000)
        return `${upTo[ms < 10 ? 1 : 0].format(ms)} ms`;
    const seconds = ms / 1000;
    if (seconds < 60)
        return `${upTo[seconds < 10 ? 1 : 0].format(seconds)} s`;
    const two = (large, small, size, a, b) => {
        const rest = Math.floor((seconds - large * size) / small);
        return rest ? `${large} ${a} ${rest} ${b}` : `${large} ${a}`;
    };
    if (seconds < 3600)
        return two(Math.floor(seconds / 60), 1, 60, "min", "s");
    if (seconds < 86400)
        return two(Math.floor(seconds / 3600), 60, 3600, "h", "min");
    return two(Math.floor(seconds / 86400), 3600, 86400, "d", "h");
}

const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];

function relative(at) {
    const seconds = Math.round((Date.now() - at) / 1000);
    const size = Math.abs(seconds);
    if (size < 5)
        return "just now";
    const [, unit, name] = STEPS.find(([below]) => size < below);
    const text = `${Math.round(size / unit)} ${name}`;
    return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** "5 min ago", exact on hover, and still true a minute later. */
export function time(text) {
    if (!text)
        return h("span", {class: "faint"}, NONE);
    const at = new Date(text);
    return h("time", {datetime: text, title: exact.format(at), "data-at": at.getTime()},
        relative(at.getTime()));
}

export const exactTime = (text) => exact.format(new Date(text));
export const day = (text) => dayOnly.format(new Date(text));
export const clock = (text) => clockOnly.format(new Date(text));
export const hour = (text) => hourOnly.format(new Date(text));

function refresh() {
    for (const element of document.querySelectorAll("time[data-at]")) {
        const text = relative(Number(element.getAttribute("data-at")));
        if (element.textContent !== text)
            element.textContent = text;
    }
}

setInterval(refresh, 5000);

export const MODES = {multi_tenant: "Shared", single_tenant: "Dedicated"};
export const mode = (name) => MODES[name] || name || NONE;

/** "hetzner_server" as words. */
export const words = (name) => {
    const text = String(name || "").replaceAll("_", " ");
    return text.charAt(0).toUpperCase() + text.slice(1);
};

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || `${one}s`}`;

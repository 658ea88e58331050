// The frame: who is signed in, where we are, light or dark.

import {currentSession, resume, signOut} from "./api.js";
import {announce, h, replace} from "./dom.js";
import {failure, stream} from "./live.js";
import audit from "./pages/audit.js";
import costs from "./pages/costs.js";
import customer from "./pages/customer.js";
import customers from "./pages/customers.js";
import jobs from "./pages/jobs.js";
import move from "./pages/move.js";
import moves from "./pages/moves.js";
import outcomes from "./pages/outcomes.js";
import overview from "./pages/overview.js";
import resources from "./pages/resources.js";
import signin from "./pages/signin.js";
import whatif from "./pages/whatif.js";

const PAGES = [
    {path: "/", title: "Overview", page: overview},
    {path: "/ui/customers", title: "Customers", page: customers},
    {path: "/ui/moves", title: "Moves", page: moves},
    {path: "/ui/resources", title: "Resources", page: resources},
    {path: "/ui/costs", title: "Costs", page: costs},
    {path: "/ui/outcomes", title: "Outcomes", page: outcomes},
    {path: "/ui/what-if", title: "What if", page: whatif},
    {path: "/ui/jobs", title: "Jobs", page: jobs},
    {path: "/ui/audit", title: "Audit", page: audit},
];
const DETAILS = [
    {prefix: "/ui/customers/", section: "/ui/customers", page: customer},
    {prefix: "/ui/moves/", section: "/ui/moves", page: move},
];
const THEMES = ["auto", "light", "dark"];

const root = document.getElementById("app");
let leaving = new AbortController(); // ends what the page at hand has running

/* -- light and dark ------------------------------------------------------------------------ */

function storedTheme() {
    try {
        const theme = localStorage.getItem("theme");
        return THEMES.includes(theme) ? theme : "auto";
    } catch {
        return "auto";
    }
}

function showTheme(theme) {
    if (theme === "auto")
        document.documentElement.removeAttribute("data-theme");
    else
        document.documentElement.setAttribute("data-theme", theme);
    window.dispatchEvent(new Event("theme"));
}

function themeButton() {
    const label = () => `Theme: ${storedTheme()}`;
    const button = h("button", {type: "button", class: "quiet", on: {click: () => {
        const next = THEMES[(THEMES.indexOf(storedTheme()) + 1) % THEMES.length];
        try {
            localStorage.setItem("theme", next);
        } catch { /* for this page only, then */ }
        showTheme(next);
        button.textContent = label();
    }}}, label());
    return button;
}

/* -- where we are -------------------------------------------------------------------------- */

function find(path) {
    const list = PAGES.find((p) => p.path === path);
    if (list)
        return {...list, section: list.path, id: null};
    const detail = DETAILS.find((d) => path.startsWith(d.prefix) && path.length > d.prefix.length);
    return detail && {...detail, id: decodeURIComponent(path.slice(detail.prefix.length))};
}

function heading(text) {
    document.title = `${text} · WebHost`;
    return h("h1", {id: "title", tabindex: "-1"}, text);
}

function context(route) {
    return {
        id: route.id,
        signal: leaving.signal,
        query: new URLSearchParams(location.search),
        admin: currentSession()?.role === "admin",
        heading,
        go,
        /** Keeps filters in the address without a step in the history. */
        setQuery(values) {
            const given = Object.entries(values).filter(([, v]) => v);
            const text = new URLSearchParams(given).toString();
            history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
        },
    };
}

async function show({focus = true} = {}) {
    leaving.abort();
    leaving = new AbortController();
    const route = find(location.pathname);
    const main = document.getElementById("main");
    for (const link of document.querySelectorAll("nav a"))
        link.toggleAttribute("data-here", link.getAttribute("href") === route?.section);
    for (const link of document.querySelectorAll("nav a")) {
        if (link.hasAttribute("data-here"))
            link.setAttribute("aria-current", "page");
        else
            link.removeAttribute("aria-current");
    }
    if (!route) {
        replace(main, heading("No such page"),
            h("p", {}, "There is nothing at this address. ", h("a", {href: "/"}, "Overview")));
    } else {
        try {
            replace(main, route.page(context(route)));
        } catch (error) {
            replace(main, heading("Something went wrong"), failure("This page", error, () => show()));
            throw error;
        }
    }
    window.scrollTo(0, 0);
    announce(document.title);
    if (focus)
        document.getElementById("title")?.focus({preventScroll: true});
}

export function go(path) {
    history.pushState(null, "", path);
    show();
}

function onClick(event) {
    const link = event.target.closest?.("a[href]");
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey &&
        !event.altKey && !event.defaultPrevented;
    if (!link || !plain || link.hasAttribute("download") || link.target)
        return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !find(url.pathname))
        return;
    event.preventDefault();
    go(url.pathname + url.search);
}

/* -- the frame ----------------------------------------------------------------------------- */

function navigation() {
    return h("nav", {"aria-label": "Pages"},
        h("ul", {}, PAGES.map((p) => h("li", {}, h("a", {href: p.path}, p.title)))));
}

function frame() {
    const who = currentSession();
    const leave = h("button", {type: "button", class: "quiet", on: {click: async () => {
        await signOut();
        start();
    }}}, "Sign out");
    replace(root,
        h("a", {class: "skip", href: "#main", on: {click: (event) => {
            event.preventDefault();
            document.getElementById("title")?.focus();
        }}}, "Skip to the content"),
        h("div", {class: "frame"},
            h("header", {},
                h("a", {href: "/", class: "brand"}, "WebHost"),
                navigation(),
                h("div", {class: "who"},
                    h("span", {}, who.name, h("span", {class: "role"}, who.role)),
                    themeButton(), leave)),
            h("main", {id: "main"})),
        h("div", {id: "announcements", class: "unseen", role: "status", "aria-live": "polite"}));
    stream.open();
}

function askToSignIn() {
    leaving.abort();
    leaving = new AbortController();
    stream.close();
    replace(root, h("main", {id: "main", class: "alone"}, signin({
        heading,
        done: () => { frame(); show(); },
        theme: themeButton(),
    })));
}

async function start() {
    try {
        if (!await resume()) {
            askToSignIn();
            return;
        }
    } catch (error) {
        replace(root, h("main", {class: "alone"}, heading("WebHost"),
            failure("The session", error, start)));
        return;
    }
    frame();
    show({focus: false});
}

showTheme(storedTheme());
document.addEventListener("click", onClick);
window.addEventListener("popstate", () => { if (currentSession()) show(); });
window.addEventListener("signed-out", askToSignIn);
start();

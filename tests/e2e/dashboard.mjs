// The dashboard as people use it.

import {assert, equal, main, open, settled, signIn, test, URL_OF, violations} from "./harness.mjs";

const VIEWER = process.env.WEBHOST_VIEWER_TOKEN;
const PAGES = [
    ["/", "Overview"], ["/ui/customers", "Customers"], ["/ui/customers/acme-logistics",
        "Acme Logistics"], ["/ui/moves", "Moves"], ["/ui/resources", "Resources"],
    ["/ui/costs", "Costs"], ["/ui/outcomes", "Outcomes"], ["/ui/what-if", "What if"],
    ["/ui/jobs", "Jobs"], ["/ui/audit", "Audit"],
];
const REFUSED = [/status of 40[13]/];

const text = (page, selector) => page.locator(selector).first().innerText();
/** What the API answers the admin, whoever looks at the page. */
async function api(path) {
    const reply = await fetch(URL_OF + path,
        {headers: {Authorization: `Bearer ${process.env.WEBHOST_TOKEN}`}});
    assert(reply.ok, `${path}: ${reply.status}`);
    return reply.json();
}

/** The rows of a table, also of one that is folded, by their first column: {title: text}. */
const rowsOf = (page, caption) => page.locator(`[role=group][aria-label="${caption}"]`)
    .evaluate((group) => {
        const titles = [...group.querySelectorAll("thead th")].map((th) => th.textContent);
        return Object.fromEntries([...group.querySelectorAll("tbody tr")].map((tr) =>
            [tr.cells[0].textContent, Object.fromEntries(titles.map((title, i) =>
                [title, tr.cells[i].textContent]))]));
    });

/** What the page writes for values: [[a function of format.js, its arguments], ...]. */
const written = (page, calls) => page.evaluate(async (list) => {
    const [script] = document.querySelectorAll("script[type=module]");
    const format = await import(new URL("format.js", script.src));
    return list.map(([name, ...values]) => format[name](...values));
}, calls);

/** Compares cells, [row, title, function, arguments], of a table with what the API gave. */
async function shows(page, caption, cells) {
    const rows = await rowsOf(page, caption);
    const texts = await written(page, cells.map(([, , ...call]) => call));
    cells.forEach(([row, title], i) => equal(rows[row]?.[title], texts[i],
        `${caption}: ${row}: ${title}`));
}

const titled = (page, title) => page.waitForFunction((wanted) =>
    document.getElementById("title")?.textContent === wanted, title);

/* -- signing in ---------------------------------------------------------------------------- */

test("a wrong token is refused in words and a right one signs in", async (page) => {
    await page.goto(URL_OF);
    await page.fill("#token", "wh_wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#sign-in-problem:not(:empty)");
    assert((await text(page, "#sign-in-problem")).includes("unknown or was revoked"), "the reason");
    await page.fill("#token", process.env.WEBHOST_TOKEN);
    await page.keyboard.press("Enter");
    await titled(page, "Overview");
}, {token: null, expected: REFUSED});

test("the sign-in page has no accessibility violation", async (page) => {
    await page.goto(URL_OF);
    await page.waitForSelector("#token");
    equal((await violations(page)).join("\n"), "", "axe");
}, {token: null});

test("no script can read the cookie, and signing out ends the session", async (page) => {
    equal(await page.evaluate(() => document.cookie), "", "document.cookie");
    const [cookie] = await page.context().cookies();
    assert(cookie.httpOnly && cookie.sameSite === "Strict", "the cookie's flags");
    await page.getByRole("button", {name: "Sign out"}).click();
    await page.waitForSelector("#token");
    await page.context().addCookies([cookie]);
    const status = await page.evaluate(async () => (await fetch("/api/session")).status);
    equal(status, 401, "the old cookie");
}, {expected: REFUSED});

test("a viewer sees every page and is offered nothing that acts", async (page) => {
    for (const [path, title] of PAGES) {
        await open(page, path);
        await titled(page, title);
        const acting = page.locator("main").getByRole("button",
            {name: /^(Approve|Reject|Pause|Retry|Cancel|Drain|Move to|Abort|Roll back)/});
        equal(await acting.count(), 0, `buttons on ${path}`);
    }
}, {token: VIEWER});

test("a write from another origin's page is refused", async (page) => {
    const status = await page.evaluate(async () => (await fetch("/api/admin/sweep",
        {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"})).status);
    equal(status, 403, "a write without the session's text");
}, {expected: REFUSED});

/* -- pages --------------------------------------------------------------------------------- */

for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 390], ["dark", 390]]) {
    test(`every page is accessible and fits its window, ${scheme}, ${width} wide`, async (page) => {
        const found = [];
        for (const [path, title] of PAGES) {
            await open(page, path);
            await titled(page, title);
            await settled(page);
            const sideways = await page.evaluate(() => document.documentElement.scrollWidth >
                document.documentElement.clientWidth);
            if (sideways)
                found.push(`${path} is wider than the window`);
            found.push(...(await violations(page)).map((v) => `${path}: ${v}`));
        }
        equal(found.join("\n"), "", "axe");
    }, {scheme, width});
}

test("every chart has its numbers in a table", async (page) => {
    await open(page, "/ui/costs");
    await page.waitForSelector(".chart");
    const charts = await page.locator(".chart").count();
    equal(await page.locator(".chart details.twin table").count(), charts, "tables");
    await page.locator(".chart details.twin summary").first().click();
    const rows = page.locator(".chart details.twin").first().locator("tbody tr");
    assert(await rows.count() > 10, "rows of the first table");
});

test("the overview counts the customers of both modes and lists what waits", async (page) => {
    await open(page, "/");
    const shared = page.locator(".figures div", {hasText: "Shared customers"}).locator("dd").first();
    assert(Number(await shared.innerText()) >= 1, "shared customers");
    await page.getByRole("link", {name: "corner-bakery"}).first().waitFor();
});

test("customers are found by the beginning of a name", async (page) => {
    await open(page, "/ui/customers");
    await page.getByLabel("Search").fill("nordic");
    await page.waitForFunction(() => document.querySelectorAll("main tbody tr").length === 1);
    await page.getByRole("link", {name: "Nordic Freight"}).click();
    await titled(page, "Nordic Freight");
    assert(page.url().endsWith("/ui/customers/nordic-freight"), "the address");
    await page.goBack();
    await titled(page, "Customers");
    equal(await page.getByLabel("Search").inputValue(), "nordic", "the search after going back");
});

test("a customer's page says why, by every factor, and what would change it", async (page) => {
    await open(page, "/ui/customers/harbour-taxis");
    const factors = page.getByRole("group", {name: "Factors"});
    equal(await factors.locator("tbody tr").count(), 7, "six factors and the score");
    await page.getByText("What would change it").waitFor();
    const turns = page.locator(".turns li");
    await turns.first().waitFor();
    assert((await turns.allInnerTexts()).some((t) => t.includes("Compliance")), "compliance turns it");
});

test("a slider changes who would move, and the file says what was changed", async (page) => {
    await open(page, "/ui/what-if");
    await page.getByRole("heading", {name: "As a file"}).waitFor();
    assert(!(await text(page, "pre")).includes("migrate_above"), "nothing is changed at first");
    await page.getByLabel("A move needs more confidence than").fill("1");
    await page.waitForFunction(() =>
        document.querySelector("pre")?.textContent.includes("migrate_above: 1"));
    await page.getByText("Budget, USD a month").click();
    await page.getByLabel("Shared: when <").first().fill("20");
    await page.waitForFunction(() => document.querySelector("pre")?.textContent.includes("< 20"));
    const [saved] = await Promise.all([page.waitForEvent("download"),
        page.getByRole("link", {name: "Save as a file"}).click()]);
    equal(saved.suggestedFilename(), "what-if.yaml", "the file's name");
});

const us = (seconds) => seconds === null ? null : seconds * 1e6;

test("the outcomes show what the API says, of the time that is chosen", async (page) => {
    await open(page, "/ui/outcomes");
    await page.getByLabel("Last").selectOption("30 days");
    await page.waitForURL("**/ui/outcomes?days=30");
    await settled(page);
    const [o, costs] = [await api("/api/outcomes?from=30d"), await api("/api/outcomes/costs")];
    assert(o.satisfaction.all.responses > 0 && o.cancellations.total > 0, "there is something");
    const {decisions: d, satisfaction: s, retention: r} = o;
    await shows(page, "Decisions by mode", [["Both", "Decisions", "count", d.all.decisions],
        ["Shared", "Settled", "count", d.multi_tenant.settled],
        ["Both", "Held", "share", d.all.accuracy, 1],
        ["Dedicated", "Open", "count", d.single_tenant.open],
        ["Both", "Overridden", "count", d.all.overridden]]);
    await shows(page, "Retention by mode", [["Shared", "Left", "count", r.multi_tenant.left],
        ["Shared", "Stayed", "share", r.multi_tenant.retained, 1],
        ["Dedicated", "Were there", "count", r.single_tenant.there]]);
    await shows(page, "Cancellations by reason", [["Price", "Both", "count",
        o.cancellations.reasons.find((one) => one.reason === "price").total]]);
    await shows(page, "Time to detect", [["Both", "Found", "count", o.time_to_detect.all.count],
        ["Both", "Median", "duration", us(o.time_to_detect.all.median_s)],
        ["Both", "90 % within", "duration", us(o.time_to_detect.all.p90_s)]]);
    await shows(page, "Time to move", [["Both", "Moved", "count", o.time_to_move.all.count],
        ["Both", "Median", "duration", us(o.time_to_move.all.median_s)],
        ["Both", "Success", "share", o.time_to_move.all.success, 1]]);
    await shows(page, "Satisfaction by mode", [["Both", "Answers", "count", s.all.responses],
        ["Both", "Average of 5", "number", s.all.average],
        ["Shared", "4 or 5", "share", s.multi_tenant.satisfied, 1]]);
    const given = Object.keys(s.all.scores).find((score) => s.all.scores[score] > 0);
    await shows(page, "Answers by score", [
        [given, "Dedicated", "count", s.single_tenant.scores[given]]]);
    const last = s.weeks.at(-1), [week] = await written(page, [["day", last.week]]);
    await shows(page, "Average score by week", [[`week of ${week}`, "Shared", "number",
        last.multi_tenant.average]]);
    const totals = costs.totals.single_tenant;
    await shows(page, "Cost and margin by mode", [
        ["Dedicated", "Cost of one", "money", totals.cost_per_customer],
        ["Dedicated", "Margin", "signedMoney", totals.margin],
        ["Dedicated", "Of their plans", "share", totals.margin_share, 1]]);
    const [worst] = costs.worst;
    await shows(page, "Smallest margins", [[worst.slug, "Margin", "signedMoney", worst.margin]]);
});

test("an address that is no page says so", async (page) => {
    await open(page, "/ui/nothing");
    await titled(page, "No such page");
});

test("what cannot be loaded says what failed and is loaded again on request", async (page) => {
    let broken = true;
    await page.route("**/api/audit*", (route) => broken
        ? route.fulfill({status: 503, contentType: "application/problem+json",
            body: JSON.stringify({detail: "the database is away"})})
        : route.continue());
    await open(page, "/ui/audit");
    const alert = page.getByRole("alert").filter({hasText: "the database is away"});
    await alert.waitFor();
    broken = false;
    await alert.getByRole("button", {name: "Try again"}).click();
    await page.getByRole("cell", {name: "session.opened"}).first().waitFor();
}, {expected: [/status of 503/]});

/* -- keyboard and theme -------------------------------------------------------------------- */

test("the keyboard reaches the content, the pages and a dialog, and goes back from it", async (page) => {
    await open(page, "/ui/jobs");
    await page.keyboard.press("Tab");
    equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content",
        "the first stop");
    await page.keyboard.press("Enter");
    equal(await page.evaluate(() => document.activeElement.id), "title", "after the skip");
    await page.locator("nav a", {hasText: "Moves"}).focus();
    await page.keyboard.press("Enter");
    await titled(page, "Moves");
    equal(await page.evaluate(() => document.activeElement.id), "title", "on the new page");
    await settled(page);
    await page.getByRole("button", {name: "Reject"}).first().focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", {state: "detached"});
    equal(await page.evaluate(() => document.activeElement.textContent), "Reject", "after Escape");
});

test("the theme can be chosen and is kept", async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByRole("button", {name: "Theme: auto"}).click();
    await page.getByRole("button", {name: "Theme: light"}).click();
    await page.getByRole("button", {name: "Theme: dark"}).waitFor();
    assert(await ground() !== light, "dark is other than light");
    await page.reload();
    await page.getByRole("button", {name: "Theme: dark"}).waitFor();
    assert(await ground() !== light, "still dark");
});

/* -- what acts ------------------------------------------------------------------------------ */

const row = (page, slug) => page.locator("tr", {has: page.getByRole("link", {name: slug})});

async function approve(page, slug) {
    await open(page, "/ui/moves");
    await row(page, slug).getByRole("button", {name: "Approve"}).click();
    const dialog = page.getByRole("dialog");
    assert((await dialog.innerText()).includes("starts at once"), "the dialog says what follows");
    await dialog.getByRole("button", {name: "Approve and move"}).click();
    await titled(page, "Move");
}

test("a proposal is approved and its move watched until the proof", async (page) => {
    await approve(page, "corner-bakery");
    await page.locator(".status", {hasText: /^(completed|soaking)$/}).first().waitFor();
    await page.getByRole("heading", {name: "Proof"}).waitFor();
    await page.getByText("Rows copied").waitFor();
    const proof = page.getByRole("group", {name: "Proof"});
    await proof.getByRole("rowheader", {name: "gps_points"}).waitFor();
    equal((await violations(page)).join("\n"), "", "axe");
    await page.getByRole("link", {name: "corner-bakery"}).click();
    await titled(page, "Corner Bakery");
    await page.locator("main .mode.single_tenant").first().waitFor();
});

test("a proposal is rejected with a comment and leaves the list", async (page) => {
    await open(page, "/");
    await row(page, "merlion-tours").getByRole("button", {name: "Reject"}).click();
    await page.getByLabel("Why, for those who read it later").fill("they are leaving");
    await page.getByRole("dialog").getByRole("button", {name: "Reject"}).click();
    await page.waitForFunction(() => ![...document.querySelectorAll("button")].some((b) =>
        b.dataset.key?.startsWith("reject") && b.closest("tr").textContent.includes("merlion")));
});

test("a queue is paused, a job in it cancelled and retried, and the queue resumed", async (page) => {
    await open(page, "/ui/jobs");
    const queue = row2(page, "maintenance");
    await queue.getByRole("button", {name: "Pause"}).click();
    await page.getByRole("dialog").getByRole("button", {name: "Pause"}).click();
    await queue.getByRole("button", {name: "Resume"}).waitFor();
    await page.evaluate(async () => {
        const {csrf_token: csrf} = await (await fetch("/api/session")).json();
        await fetch("/api/admin/sweep", {method: "POST", body: "{}",
            headers: {"Content-Type": "application/json", "X-CSRF-Token": csrf}});
    });
    const job = page.locator("tr", {hasText: "SweepWorker"}).first();
    await job.getByRole("button", {name: "Cancel"}).click();
    await page.getByRole("dialog").getByRole("button", {name: "Cancel the job"}).click();
    await job.locator(".status", {hasText: "cancelled"}).waitFor();
    await job.getByRole("button", {name: "Retry"}).click();
    await job.locator(".status", {hasText: "available"}).waitFor();
    await queue.getByRole("button", {name: "Resume"}).click();
    await job.locator(".status", {hasText: "completed"}).waitFor();
});

function row2(page, name) {
    return page.getByRole("group", {name: "Queues"}).locator("tr",
        {has: page.getByRole("rowheader", {name, exact: true})});
}

test("a customer is moved by hand, and the move can be aborted while it may", async (page) => {
    await open(page, "/ui/customers/harbour-taxis");
    await page.getByRole("button", {name: "Move to dedicated"}).click();
    await page.getByRole("dialog").getByRole("button", {name: "Move to dedicated"}).click();
    await titled(page, "Move");
    const abort = page.getByRole("button", {name: "Abort"});
    const over = page.locator(".status", {hasText: /^(completed|soaking|cancelled)$/}).first();
    await abort.or(over).first().waitFor();
    if (await abort.isVisible()) {
        await abort.click();
        await page.getByRole("dialog").getByRole("button", {name: "Abort"}).click();
    }
    await over.waitFor();
}, {expected: [/status of 409/]});

test("a move in its soak is rolled back, and the customer is where it was", async (page) => {
    await approve(page, "pine-plumbing");
    const back = page.getByRole("button", {name: "Roll back"});
    await back.waitFor();
    assert(await page.getByText("Way back until").isVisible(), "how long there is a way back");
    await back.click();
    const dialog = page.getByRole("dialog");
    assert((await dialog.innerText()).includes("short stall"), "the dialog says what it costs");
    await dialog.getByRole("button", {name: "Roll back"}).click();
    await page.locator(".status", {hasText: /^returned$/}).first().waitFor();
    await page.getByRole("link", {name: "pine-plumbing"}).click();
    await titled(page, "Pine Plumbing");
    await page.locator("main .line .mode.multi_tenant").waitFor();
});

test("a token that is revoked ends the session on the page at hand", async (page) => {
    const revoked = await page.evaluate(async () => {
        const session = await (await fetch("/api/session")).json();
        const headers = {"Content-Type": "application/json", "X-CSRF-Token": session.csrf_token};
        const made = await (await fetch("/api/tokens", {method: "POST", headers,
            body: JSON.stringify({name: "short", role: "viewer"})})).json();
        return {made, headers};
    });
    await page.getByRole("button", {name: "Sign out"}).click();
    await signIn(page, revoked.made.token);
    await open(page, "/ui/jobs");
    await fetch(`${URL_OF}/api/tokens/${revoked.made.id}`, {method: "DELETE",
        headers: {Authorization: `Bearer ${process.env.WEBHOST_TOKEN}`}});
    await page.waitForSelector("#token");
}, {expected: REFUSED});

await main();

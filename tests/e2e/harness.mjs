// Tests in a browser, one context each, printed as TAP. A test fails for what it asserts, for what
// the console says, and for what the page's policy stopped.

import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join} from "node:path";

const packages = process.env.E2E_PACKAGES;
const load = createRequire(join(packages, "from-here.cjs"));
const {chromium} = load("playwright-core");
const AXE = readFileSync(join(packages, "axe-core/axe.min.js"), "utf8");

// Nothing but what the test asks for, and nothing left behind.
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"];
// A busy machine is slow; a deadline is there to end a hang.
const DEADLINE_MS = 60000;

export const URL_OF = process.env.WEBHOST_URL;
const tests = [];

export function test(name, run, options = {}) {
    tests.push({name, run, options});
}

export function assert(condition, what) {
    if (!condition)
        throw new Error(what);
}

export function equal(seen, expected, what) {
    assert(Object.is(seen, expected), `${what}: ${JSON.stringify(seen)} is not ` +
        `${JSON.stringify(expected)}`);
}

/** What the browser complains of, as long as the context lives. */
async function watch(page, expected) {
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type()) &&
            !expected.some((pattern) => pattern.test(message.text())))
            complaints.push(`console: ${message.text()} at ${page.url()}`);
    });
    await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) =>
            console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    return complaints;
}

export async function signIn(page, token) {
    await page.goto(URL_OF);
    await page.fill("#token", token);
    await page.click("button[type=submit]");
    await page.waitForSelector("nav");
}

export async function open(page, path) {
    await page.goto(URL_OF + path);
    await page.waitForSelector("#title");
    await settled(page);
}

/** Nothing on the page says any more that it loads. */
export async function settled(page) {
    await page.waitForFunction(() => document.getElementById("title") &&
        !document.querySelector(".loading"));
}

/** axe's violations, in a line each. */
export async function violations(page) {
    await page.evaluate(AXE);
    return page.evaluate(async () => (await window.axe.run()).violations.map((v) =>
        `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(", ")}`));
}

async function runOne(browser, {run, options}) {
    const context = await browser.newContext({
        viewport: {width: options.width || 1280, height: 860},
        colorScheme: options.scheme || "light",
        reducedMotion: "reduce",
    });
    context.setDefaultTimeout(DEADLINE_MS);
    try {
        const page = await context.newPage();
        const complaints = await watch(page, options.expected || []);
        if (options.token !== null)
            await signIn(page, options.token || process.env.WEBHOST_TOKEN);
        await run(page);
        assert(complaints.length === 0, complaints.join("\n"));
    } finally {
        await context.close();
    }
}

/** All tests, or those whose name has one of the program's arguments in it. */
export async function main() {
    const wanted = process.argv.slice(2);
    const chosen = tests.filter((one) => !wanted.length || wanted.some((w) => one.name.includes(w)));
    const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ARGUMENTS});
    let failed = 0;
    console.log(`1..${chosen.length}`);
    try {
        for (const [i, one] of chosen.entries()) {
            try {
                await runOne(browser, one);
                console.log(`ok ${i + 1} - ${one.name}`);
            } catch (error) {
                failed++;
                console.log(`not ok ${i + 1} - ${one.name}`);
                console.log(String(error.stack).replace(/^/gm, "#   "));
            }
        }
    } finally {
        await browser.close();
    }
    process.exitCode = failed ? 1 : 0;
}

// The HTTP API by the session's cookie. Every write names the session's own text (X-CSRF-Token).

const TIMEOUT_MS = 30000;

/** What failed, in the API's words. */
export class ApiError extends Error {
    constructor(status, detail, fields) {
        super(detail);
        this.status = status;
        this.fields = fields || [];
    }
}

let session = null;

/* The cookie is out of our reach; this only saves a request that would be refused. */
const MARK = "signed-in";

function mark(signedIn) {
    try {
        if (signedIn)
            localStorage.setItem(MARK, "1");
        else
            localStorage.removeItem(MARK);
    } catch { /* then the server is asked */ }
}

function isMarked() {
    try {
        return localStorage.getItem(MARK) !== null;
    } catch {
        return true;
    }
}

export function currentSession() {
    return session;
}

export function isAdmin() {
    return session?.role === "admin";
}

function withTimeout(signal) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    return signal && AbortSignal.any ? AbortSignal.any([signal, timeout]) : timeout;
}

async function send(method, path, body, signal) {
    const headers = {Accept: "application/json"};
    if (body !== undefined)
        headers["Content-Type"] = "application/json";
    if (method !== "GET" && session?.csrf_token)
        headers["X-CSRF-Token"] = session.csrf_token;
    try {
        return await fetch(path, {
            method,
            headers,
            body: body === undefined ? undefined : JSON.stringify(body),
            credentials: "same-origin",
            cache: "no-store",
            signal: withTimeout(signal),
        });
    } catch (error) {
        if (signal?.aborted)
            throw error;
        const slow = error.name === "TimeoutError";
        throw new ApiError(0, slow ? `no answer from ${location.host} within 30 s`
            : `${location.host} cannot be reached`);
    }
}

function explain(status, reply) {
    const fields = reply?.errors || [];
    const named = fields.map((f) => `${f.field} ${f.detail}`).join("; ");
    return named || reply?.detail || `the server answered ${status}`;
}

export async function request(method, path, body, signal) {
    const answer = await send(method, path, body, signal);
    const type = answer.headers.get("Content-Type") || "";
    const reply = type.includes("json") ? await answer.json() : null;
    if (answer.ok)
        return reply;
    if (answer.status === 401 && path !== "/login" && session) {
        session = null;
        mark(false);
        window.dispatchEvent(new Event("signed-out"));
    }
    throw new ApiError(answer.status, explain(answer.status, reply), reply?.errors);
}

export const get = (path, signal) => request("GET", path, undefined, signal);
export const post = (path, body, signal) => request("POST", path, body, signal);

/** /api/x?a=1 from what is given; what is empty is left out. */
export function query(path, values) {
    const given = Object.entries(values).filter(([, v]) => v !== undefined && v !== null && v !== "");
    return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** True when somebody is signed in. */
export async function resume() {
    if (!isMarked())
        return false;
    try {
        session = await get("/api/session");
        return true;
    } catch (error) {
        if (error.status !== 401)
            throw error;
        mark(false);
        return false;
    }
}

export async function signIn(token) {
    session = await post("/login", {token});
    mark(true);
}

export async function signOut() {
    try {
        await post("/logout");
    } catch (error) {
        if (error.status !== 401)
            throw error;
    }
    session = null;
    mark(false);
}

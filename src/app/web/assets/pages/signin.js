// Sign in with an API token. The token is sent once; a cookie that no script can read stands for it.

import {signIn} from "../api.js";
import {h} from "../dom.js";

export default function signin({heading, done, theme}) {
    const problem = h("p", {class: "problem", role: "alert", id: "sign-in-problem"});
    const input = h("input", {
        type: "password", id: "token", name: "token", autocomplete: "current-password",
        required: true, autofocus: true, spellcheck: "false", "aria-describedby": "sign-in-help",
        placeholder: "wh_…",
    });
    const button = h("button", {type: "submit", class: "main"}, "Sign in");

    async function submit(event) {
        event.preventDefault();
        button.disabled = true;
        problem.textContent = "";
        try {
            await signIn(input.value.trim());
            done();
        } catch (error) {
            problem.textContent = error.message;
            input.setAttribute("aria-invalid", "true");
            input.select();
        } finally {
            button.disabled = false;
        }
    }

    queueMicrotask(() => input.focus());
    return h("div", {class: "sign-in"},
        heading("Sign in to WebHost"),
        h("form", {on: {submit}},
            h("label", {for: "token"}, "API token"),
            input, problem, button),
        h("p", {class: "help", id: "sign-in-help"}, "A viewer's token sees, an admin's acts. ",
            h("code", {}, "webhost serve"), " prints one at its first start; ",
            h("code", {}, "webhost token create"), " makes more."),
        theme);
}

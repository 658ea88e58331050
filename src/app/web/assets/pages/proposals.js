// Moves that wait for a person: agreed to or not.

import {post} from "../api.js";
import {h} from "../dom.js";
import {number, signedMoney, time} from "../format.js";
import {action, confirm, modeTag, table} from "../ui.js";

function saving(p) {
    return p.monthly_saving >= 0 ? `saves ${signedMoney(p.monthly_saving).replace("+", "")}`
        : `costs ${signedMoney(-p.monthly_saving).replace("+", "")} more`;
}

function approve(ctx, p) {
    return action("Approve", async () => {
        if (!await confirm({
            title: `Move ${p.customer_slug}?`,
            text: h("span", {}, modeTag(p.from_mode), " to ", modeTag(p.to_mode), `, which ${saving(p)}` +
                ` a month. ${p.reason}`),
            cannot: "The move starts at once. It can be stopped until the switch; after that there " +
                "is only the way on, or a move back.",
            act: "Approve and move",
        }))
            return null;
        const done = await post(`/api/proposals/${p.id}/approve`);
        ctx.go(`/ui/moves/${done.migration_id}`);
        return `${p.customer_slug} is being moved`;
    }, {kind: "main", key: `approve ${p.id}`});
}

function reject(p, reload) {
    return action("Reject", async () => {
        const answer = await confirm({
            title: `Leave ${p.customer_slug} where it is?`,
            text: "The same move is not proposed again for some weeks.",
            ask: "Why, for those who read it later",
            act: "Reject",
        });
        if (!answer)
            return null;
        await post(`/api/proposals/${p.id}/reject`, answer.text ? {comment: answer.text} : {});
        await reload();
        return `${p.customer_slug} stays`;
    }, {key: `reject ${p.id}`});
}

export function proposalButtons(ctx, p, reload) {
    return h("span", {class: "buttons"}, approve(ctx, p), reject(p, reload));
}

export function proposalTable(ctx, proposals, reload) {
    const columns = [
        {title: "Customer", cell: (p) => h("a", {href: `/ui/customers/${p.customer_slug}`},
            p.customer_slug)},
        {title: "To", cell: (p) => modeTag(p.to_mode)},
        {title: "A month", number: true, cell: saving},
        {title: "Confidence", number: true, minor: true, cell: (p) => number(p.confidence)},
        {title: "Why", minor: true, wide: true, cell: (p) => p.reason},
        {title: "Ends", minor: true, cell: (p) => time(p.expires_at)},
    ];
    if (ctx.admin)
        columns.push({title: "", cell: (p) => proposalButtons(ctx, p, reload)});
    return table({caption: "Proposed moves", columns, rows: proposals,
        none: "No move waits for a person. The tracker asks here when one does."});
}

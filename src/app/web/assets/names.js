// Customers' names by their ids, asked for once each.

import {get} from "./api.js";
import {h} from "./dom.js";

const known = new Map();

function ask(id) {
    if (!known.has(id))
        known.set(id, get(`/api/customers/${id}`).then((c) => c.slug).catch(() => {
            known.delete(id);
            return null;
        }));
    return known.get(id);
}

/** A place for the name of the customer, which is its id until it is known. */
export function customerName(id) {
    const place = h("span", {}, "…");
    ask(id).then((slug) => { place.textContent = slug || id; });
    return place;
}

export const customerLink = (id) => h("a", {href: `/ui/customers/${id}`}, customerName(id));

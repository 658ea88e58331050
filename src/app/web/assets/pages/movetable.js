// Moves in a table.

import {h} from "../dom.js";
import {duration, time} from "../format.js";
import {modeTag, status, table} from "../ui.js";

export function took(m) {
    const end = m.finished_at ? Date.parse(m.finished_at) : Date.now();
    return duration((end - Date.parse(m.created_at)) * 1000);
}

export function moveTable(moves, none) {
    const columns = [
        {title: "Move", cell: (m) => h("a", {href: `/ui/moves/${m.id}`}, m.customer_slug)},
        {title: "Customer", cell: (m) => m.customer_name, minor: true},
        {title: "From", cell: (m) => modeTag(m.from_mode), minor: true},
        {title: "To", cell: (m) => modeTag(m.to_mode)},
        {title: "State", cell: (m) => status(m.state)},
        {title: "Asked for by", cell: (m) => m.requested_by, minor: true},
        {title: "Took", number: true, cell: took},
        {title: "Stall", number: true, cell: (m) => duration(m.stall_us), minor: true},
        {title: "Begun", cell: (m) => time(m.created_at)},
    ];
    return table({caption: "Moves", columns, rows: moves, none: none ||
        h("span", {}, "Nobody has been moved yet. The tracker proposes moves; by hand: ",
            h("code", {}, "webhost migrate CUSTOMER --to single_tenant"))});
}

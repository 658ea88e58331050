// Charts, each with its numbers in a table beside it. Time series are uPlot's, where the build has
// it; everything else, and lines without it, are SVG.

import {h, s} from "./dom.js";
import {clock, day} from "./format.js";
import {table} from "./ui.js";

const HEIGHT = 170;

let library = null;

function uplotStyle() {
    const sheet = h("link", {rel: "stylesheet", href: new URL("uplot.css", import.meta.url).href});
    document.head.append(sheet);
}

/** uPlot, or null where this build has none. */
function uplot() {
    library ??= import("./uplot.js").then((module) => {
        if (module.default)
            uplotStyle();
        return module.default;
    }).catch(() => null);
    return library;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const COLOURS = ["--shared", "--dedicated", "--warn"];

function legend(series) {
    return h("figcaption", {}, series.map((one, i) =>
        h("span", {class: `key series-${i}`}, one.label)));
}

/** The numbers of a chart, for who does not see it and for who wants them exactly. */
function twin(title, columns, rows) {
    return h("details", {class: "twin", "data-key": `twin ${title}`},
        h("summary", {}, "Numbers"),
        table({caption: title, columns, rows, key: `twin table ${title}`}));
}

/* -- lines --------------------------------------------------------------------------------- */

function plainLines(box, title, x, series, format) {
    const width = 600, all = series.flatMap((one) => one.values).filter((v) => v !== null);
    const top = Math.max(...all, 0) || 1, step = width / Math.max(x.length - 1, 1);
    const at = (value) => HEIGHT - 20 - (value / top) * (HEIGHT - 40);
    const path = (values) => values.map((v, i) => v === null ? ""
        : `${i && values[i - 1] !== null ? "L" : "M"}${(i * step).toFixed(1)} ${at(v).toFixed(1)}h0`)
        .join(""); // h0: a point of its own is a dot
    box.replaceChildren(s("svg", {viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT,
        preserveAspectRatio: "none", role: "img", "aria-label": title},
        s("line", {class: "axis", x1: 0, x2: width, y1: at(0), y2: at(0)}),
        series.map((one, i) => s("path", {class: `line line-series-${i}`, d: path(one.values),
            "vector-effect": "non-scaling-stroke"})),
        s("text", {x: 0, y: 12}, format(top))));
}

/** Whole days as dates, parts of a day as hours. */
function timeTicks(plot, ticks) {
    const daily = ticks.every((at) => at % 86400 === 0) || ticks[1] - ticks[0] >= 86400;
    return ticks.map((at) => daily ? day(at * 1000) : clock(at * 1000));
}

function options(width, series, format, sparse) {
    const axis = {
        stroke: colour("--faint"), font: "11px system-ui, sans-serif",
        grid: {stroke: colour("--line"), width: 1}, ticks: {show: false},
    };
    return {
        width, height: HEIGHT, padding: [8, 22, 0, 0],
        legend: {show: false},
        cursor: {y: false, points: {size: 7}},
        scales: {y: {range: (plot, low, high) => [Math.min(low ?? 0, 0), (high || 1) * 1.05]}},
        axes: [
            {...axis, grid: {show: false}, size: 26, space: 64, values: timeTicks},
            {...axis, size: 58, values: (plot, ticks) => ticks.map((v) =>
                v === 0 ? "0" : format(v).replace(/\.00$/, ""))},
        ],
        series: [{}, ...series.map((one, i) => ({
            label: one.label, stroke: colour(COLOURS[i]), width: 1.75,
            points: {show: sparse, size: 5}, spanGaps: sparse,
            fill: i === 0 && series.length === 1 ? `${colour(COLOURS[i])}1a` : undefined,
        }))],
    };
}

/** What is under the pointer, in words, over the chart. */
function readout(box, plot, x, series, format, when) {
    const line = h("p", {class: "readout", "aria-hidden": "true"});
    plot.over.addEventListener("mousemove", () => {
        const i = plot.cursor.idx;
        line.textContent = i === null || i === undefined ? "" : [when(x[i]),
            ...series.map((one) => `${one.label} ${format(one.values[i])}`)].join(" · ");
    });
    plot.over.addEventListener("mouseleave", () => { line.textContent = ""; });
    box.append(line);
}

/**
 * Lines over time. x: seconds; series: [{label, values}]; format: a value as text; when: a time as
 * text (of seconds); sparse: there is not a value for every time, so each has a dot.
 */
export function lines(ctx, {title, x, series, format, when, sparse = false}) {
    const box = h("div", {class: "plot"});
    const columns = [{title: "Time", cell: (i) => when(x[i])},
        ...series.map((one) => ({title: one.label, number: true,
            cell: (i) => format(one.values[i])}))];
    const figure = h("figure", {class: "chart"}, legend(series), box,
        twin(title, columns, x.map((_, i) => x.length - 1 - i)));
    let plot = null;

    async function draw() {
        const Plot = await uplot();
        if (ctx.signal.aborted)
            return;
        const width = Math.max(box.clientWidth, 160);
        plot?.destroy();
        if (!Plot) {
            plainLines(box, title, x, series, format);
            return;
        }
        box.replaceChildren();
        box.setAttribute("role", "img");
        box.setAttribute("aria-label", `${title}, as lines; the numbers are in the table below`);
        plot = new Plot(options(width, series, format, sparse),
            [x, ...series.map((one) => one.values)], box);
        readout(box, plot, x, series, format, when);
    }

    const sized = new ResizeObserver(() => {
        if (plot && box.clientWidth && plot.width !== box.clientWidth)
            plot.setSize({width: box.clientWidth, height: HEIGHT});
    });
    sized.observe(box);
    ctx.signal.addEventListener("abort", () => { sized.disconnect(); plot?.destroy(); });
    window.addEventListener("theme", draw, {signal: ctx.signal});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw,
        {signal: ctx.signal});
    requestAnimationFrame(draw);
    return figure;
}

/* -- bars ---------------------------------------------------------------------------------- */

/**
 * Stacked bars, one for each row. parts: [{key, label, kind}]; row[key] is a count. `label` names a
 * row, `first` is what they are.
 */
export function bars({title, rows, label, parts, first = "Day"}) {
    const width = 600, height = 120, gap = rows.length > 40 ? 1 : 2;
    const total = (row) => parts.reduce((sum, p) => sum + row[p.key], 0);
    const top = Math.max(...rows.map(total), 1), step = width / rows.length;
    const shapes = rows.flatMap((row, i) => {
        let y = height;
        return parts.filter((p) => row[p.key]).map((p) => {
            const size = (row[p.key] / top) * (height - 14);
            y -= size;
            return s("rect", {class: `fill-${p.kind}`, x: i * step + gap / 2, y,
                width: step - gap, height: size});
        });
    });
    const columns = [{title: first, cell: label},
        ...parts.map((p) => ({title: p.label, number: true, cell: (row) => row[p.key]}))];
    return h("figure", {class: "chart"},
        h("figcaption", {}, parts.map((p) => h("span", {class: `key ${p.kind}`}, p.label))),
        s("svg", {viewBox: `0 0 ${width} ${height + 16}`, height: height + 16, role: "img",
            preserveAspectRatio: "none", "aria-label": `${title}; the numbers are in the table below`},
            s("line", {class: "axis", x1: 0, x2: width, y1: height, y2: height}), shapes),
        h("p", {class: "ends"}, h("span", {}, label(rows[0])),
            h("span", {}, label(rows[rows.length - 1]))),
        twin(title, columns, rows.filter((row) => total(row)).reverse()));
}

/** A share of something, drawn beside its number, which says it all. */
export function meter(value, max, kind = "series-0") {
    const share = max > 0 ? Math.min(value / max, 1) : 0;
    return s("svg", {class: "meter", viewBox: "0 0 100 8", preserveAspectRatio: "none",
        "aria-hidden": "true"},
        s("rect", {class: "fill-rest", width: 100, height: 8, rx: 2}),
        share > 0 && s("rect", {class: `fill-${kind}`, width: 100 * share, height: 8, rx: 2}));
}

/** An amount to the left or the right of a middle line, and the colours of both sides. */
export function balance(value, max, [left, right] = ["bad", "ok"]) {
    const size = max > 0 ? Math.min(Math.abs(value) / max, 1) * 50 : 0;
    return s("svg", {class: "meter", viewBox: "0 0 100 8", preserveAspectRatio: "none",
        "aria-hidden": "true"},
        s("line", {class: "axis", x1: 50, x2: 50, y1: 0, y2: 8}),
        s("rect", {class: `fill-${value < 0 ? left : right}`, x: value < 0 ? 50 - size : 50,
            width: size, height: 8, y: 0}));
}

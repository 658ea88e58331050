// Elements without markup in strings: what comes from the API is only ever text.

const SVG = "http://www.w3.org/2000/svg";

function apply(element, props) {
    for (const [name, value] of Object.entries(props || {})) {
        if (value === null || value === undefined || value === false)
            continue;
        if (name === "on")
            Object.entries(value).forEach(([event, act]) => element.addEventListener(event, act));
        else if (name === "value" || name === "checked" || name === "disabled" || name === "open")
            element[name] = value;
        else
            element.setAttribute(name, value === true ? "" : value);
    }
}

function fill(element, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false)
            continue;
        element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
}

/** h("a", {href: "/"}, "text", element, [more]) */
export function h(tag, props, ...children) {
    const element = document.createElement(tag);
    apply(element, props);
    return fill(element, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
    const element = document.createElementNS(SVG, tag);
    apply(element, props);
    return fill(element, children);
}

function keyOf(element) {
    return element.id || element.getAttribute("data-key") || element.getAttribute("href");
}

function find(root, key) {
    return [...root.querySelectorAll("[id],[data-key],[href]")].find((e) => keyOf(e) === key);
}

/**
 * Puts `content` in the place of what is in `container`. Whoever was on a link or a button stays
 * there, what was opened stays open, and tables stay where they were scrolled to.
 */
export function replace(container, ...content) {
    const active = container.contains(document.activeElement) ? document.activeElement : null;
    const key = active && keyOf(active);
    const open = [...container.querySelectorAll("details[open][data-key]")].map(keyOf);
    const scrolled = [...container.querySelectorAll(".scroll[data-key]")]
        .map((e) => [keyOf(e), e.scrollTop, e.scrollLeft]);
    container.replaceChildren();
    fill(container, content);
    open.forEach((k) => find(container, k)?.setAttribute("open", ""));
    for (const [k, top, left] of scrolled) {
        const found = find(container, k);
        if (found)
            found.scrollTo(left, top);
    }
    if (key)
        find(container, key)?.focus({preventScroll: true});
}

/** Tells a screen reader; the others see it happen. */
export function announce(text) {
    const region = document.getElementById("announcements");
    if (region)
        region.textContent = text;
}

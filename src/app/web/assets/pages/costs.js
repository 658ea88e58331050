export default function page(ctx) { const d = document.createElement("div"); d.append(ctx.heading("costs")); return d; }

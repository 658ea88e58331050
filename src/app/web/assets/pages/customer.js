export default function page(ctx) { const d = document.createElement("div"); d.append(ctx.heading("customer")); return d; }

// A description of an API against the linter's rules: lint.mjs FILE
import { createConfig, formatProblems, getTotals, lint } from "@redocly/openapi-core";

const config = await createConfig({ extends: ["recommended-strict"] });
const problems = await lint({ ref: process.argv[2], config });
formatProblems(problems, { totals: getTotals(problems), format: "stylish", version: "" });
process.exit(problems.length > 0 ? 1 : 0);

/* The shapes of replies about outcomes and the audit record. */
#include "app/api/replies.h"
#include "app/api/reply_members.h"
#include "domain/audit/chain.h"
#include "domain/outcomes/feedback.h"
#include "domain/outcomes/margins.h"

#define BY_MODE(shape_)                                                                            \
    {"multi_tenant", PART_OBJECT, &shape_},                                                        \
    {                                                                                              \
        "single_tenant", PART_OBJECT, &shape_                                                      \
    }
#define BY_MODE_AND_ALL(shape_) PARTS(BY_MODE(shape_), {"all", PART_OBJECT, &shape_})

/* -- outcomes --------------------------------------------------------------------------------- */

const struct shape reply_feedback = {
    .name = "Feedback",
    .help = "How content a customer was, and where it lived then.",
    .fields = feedback_fields,
};

static const struct shape customers_shape = {
    .more = FIELDS(NUMBER("now", "who live in it"), NUMBER("signed_up", "in the span")),
};

static const struct shape judged_shape = {
    .name = "JudgedDecisions",
    .help = "Whether decisions held.",
    .more = FIELDS(NUMBER("decisions", "of the policy, in the span"),
                   NUMBER("settled", "older than 30 days, overridden or reversed"),
                   NUMBER("open", "younger, and they stand"), NUMBER("overridden", "by a person"),
                   NUMBER("reversed", "by the policy"),
                   {"accuracy", FIELD_DECIMAL, .help = "the share of settled ones that held"},
                   NUMBER("rated", "decisions that customers said something about"),
                   {"rated_satisfied", FIELD_DECIMAL, .help = "the share of those with 4 or 5"}),
};

static const struct shape scores_shape = {
    .more = FIELDS(NUMBER("1", "answers"), NUMBER("2", "answers"), NUMBER("3", "answers"),
                   NUMBER("4", "answers"), NUMBER("5", "answers")),
};

static const struct shape satisfaction_shape = {
    .name = "Satisfaction",
    .help = "What customers answered.",
    .more = FIELDS(NUMBER("responses", "answers"), {"average", FIELD_DECIMAL, .help = "1 to 5"},
                   {"satisfied", FIELD_DECIMAL, .help = "the share of 4 and 5"}),
    .parts = PARTS({"scores", PART_OBJECT, &scores_shape}),
};

static const struct shape week_answers_shape = {
    .more = FIELDS(NUMBER("responses", "answers"), {"average", FIELD_DECIMAL, .help = "1 to 5"}),
};

static const struct shape week_shape = {
    .name = "SatisfactionWeek",
    .help = "What customers answered in a week.",
    .more = FIELDS(TEXT("week", "its Monday, UTC")),
    .parts = BY_MODE_AND_ALL(week_answers_shape),
};

static const struct shape stayed_shape = {
    .more = FIELDS(NUMBER("there", "at some time in the span"), NUMBER("left", "in the span"),
                   {"retained", FIELD_DECIMAL, .help = "the share that did not leave"}),
};

static const struct shape cohort_shape = {
    .name = "Cohort",
    .help = "Customers who came in a month.",
    .more = FIELDS(TEXT("month", "2026-09"), TEXT("mode", "in which they began"),
                   NUMBER("signed_up", "customers"), NUMBER("left", "until now"),
                   ANY("retained", "the share still there at the end of each month since")),
};

static const struct shape reason_shape = {
    .more = FIELDS(TEXT("reason", "why they left"), NUMBER("multi_tenant", "customers"),
                   NUMBER("single_tenant", "customers"), NUMBER("total", "customers")),
};

static const struct shape durations_shape = {
    .name = "Durations",
    .help = "How long things took, in seconds.",
    .more = FIELDS(NUMBER("count", "how many"), {"average_s", FIELD_DECIMAL, .help = "the mean"},
                   {"median_s", FIELD_DECIMAL, .help = "half of them took at most this"},
                   {"p90_s", FIELD_DECIMAL, .help = "90 % of them took at most this"},
                   {"p95_s", FIELD_DECIMAL, .help = "95 % of them took at most this"},
                   {"max_s", FIELD_DECIMAL, .help = "the longest"}),
};

static const struct shape moves_shape = {
    .name = "MovesDone",
    .help = "How long moves took, and how they ended.",
    .base = &durations_shape,
    .more = FIELDS(NUMBER("failed", "moves"), NUMBER("cancelled", "moves"),
                   NUMBER("returned", "moves that were taken back"),
                   {"success", FIELD_DECIMAL, .help = "the share that arrived and stayed"}),
};

const struct shape reply_outcomes = {
    .name = "Outcomes",
    .help = "What became of decisions.",
    .more = FIELDS({"from", FIELD_TIME, .required = true}, {"to", FIELD_TIME, .required = true}),
    .parts = PARTS(
        {"customers", PART_OBJECT, &(const struct shape){.parts = PARTS(BY_MODE(customers_shape))}},
        {"decisions", PART_OBJECT,
         &(const struct shape){
             .more = FIELDS(NUMBER("settled_after_days", "when a decision that stands was right")),
             .parts = BY_MODE_AND_ALL(judged_shape)}},
        {"satisfaction", PART_OBJECT,
         &(const struct shape){
             .parts = PARTS(BY_MODE(satisfaction_shape), {"all", PART_OBJECT, &satisfaction_shape},
                            {"weeks", PART_LIST, &week_shape, "those with answers"})}},
        {"retention", PART_OBJECT,
         &(const struct shape){
             .parts = PARTS(BY_MODE(stayed_shape), {"cohorts", PART_LIST, &cohort_shape})}},
        {"cancellations", PART_OBJECT,
         &(const struct shape){.more = FIELDS(NUMBER("total", "who left in the span")),
                               .parts = PARTS({"reasons", PART_LIST, &reason_shape})}},
        {"time_to_detect", PART_OBJECT,
         &(const struct shape){.parts = BY_MODE_AND_ALL(durations_shape)}},
        {"time_to_move", PART_OBJECT,
         &(const struct shape){.parts = BY_MODE_AND_ALL(moves_shape)}}),
};

/* -- costs ------------------------------------------------------------------------------------ */

static const struct shape margin_shape = {
    .name = "CustomerMargin",
    .help = "What a customer pays and costs, in USD a month.",
    .fields = customer_margin_fields,
};

static const struct shape margin_totals_shape = {
    .name = "MarginTotals",
    .help = "What customers pay and cost together, in USD a month.",
    .more = FIELDS(NUMBER("customers", "who live in it"), DECIMAL("price", "what they pay"),
                   DECIMAL("cost", "what they cost"), DECIMAL("margin", "what is left"),
                   {"cost_per_customer", FIELD_DECIMAL},
                   {"margin_share", FIELD_DECIMAL, .help = "of the price"},
                   NUMBER("losing", "customers that cost more than they pay")),
};

static const struct shape cost_totals_shape = {.parts = BY_MODE_AND_ALL(margin_totals_shape)};

const struct shape reply_costs = {
    .name = "Costs",
    .help = "What customers cost, and what is left of their plans' prices.",
    .more = FIELDS({"next_cursor", FIELD_TEXT, .help = "the cursor of the next page; or null"}),
    .parts = PARTS(
        {"totals", PART_OBJECT_OR_NULL, &cost_totals_shape, "null on all pages but the first"},
        {"worst", PART_LIST, &margin_shape,
         "the smallest margins; none on all pages but the first"},
        {"customers", PART_LIST, &margin_shape}),
};

/* -- audit ------------------------------------------------------------------------------------ */

const struct shape reply_audit = {
    .name = "AuditEntry",
    .help = "What was done, by whom.",
    .fields = audit_fields,
};

static const struct shape link_shape = {
    .name = "AuditLink",
    .help = "A place in the chain of the audit record.",
    .more = FIELDS(NUMBER("seq", "the entry's number"), TEXT("hash", "its hash")),
};

static const struct shape finding_shape = {
    .name = "AuditFinding",
    .help = "Something in the audit record that is not as it was written.",
    .fields = audit_finding_fields,
};

const struct shape reply_audit_verified = {
    .name = "AuditVerified",
    .help = "What a look through the chain found.",
    .more = FIELDS({"ok", FIELD_BOOL, .help = "nothing was found"}, NUMBER("checked", "entries"),
                   NUMBER("unsealed", "entries without a place yet"),
                   NUMBER("more_findings", "that are not listed"),
                   {"next", FIELD_TEXT, .help = "the `after` to go on with; null at the end"}),
    .parts = PARTS({"last", PART_OBJECT, &link_shape, "the last entry that was looked at"},
                   {"head", PART_OBJECT, &link_shape, "the last entry that was sealed"},
                   {"pruned", PART_OBJECT, &link_shape, "the last entry that was pruned; or 0"},
                   {"findings", PART_LIST, &finding_shape}),
};

static const struct shape exported_entry_shape = {
    .name = "AuditExported",
    .help = "An entry with the hash of the one before it.",
    .fields = audit_fields,
    .more = FIELDS(TEXT("previous", "the hash of the entry before")),
};

const struct shape reply_audit_exported = {
    .more = FIELDS({"next_after", FIELD_INT, .help = "to go on after; null at the end"}),
    .parts = PARTS({"entries", PART_LIST, &exported_entry_shape}),
};

#include "domain/placement/profile.h"

#include <inttypes.h>

const struct field profile_performance_fields[] = {
    {"latency_requirement", PROFILE_AMOUNT, .offset = 0, .help = "milliseconds"},
    FIELD_END,
};

const struct field profile_usage_fields[] = {
    {"peak_concurrent_users", PROFILE_COUNT, .offset = 0, .help = "people at the same time"},
    FIELD_END,
};

const struct field profile_fields[] = {
    PROFILE_FORM_FIELDS(0),
    FIELD_END,
};

void profile_clear(struct profile *p)
{
    *p = (struct profile){
        .budget = INT_ABSENT,
        .vehicle_count = INT_ABSENT,
        .latency = INT_ABSENT,
        .peak_users = INT_ABSENT,
    };
}

/* One value from two places; false when both hold one and they differ. */
static bool either(int64_t nested, int64_t top, int64_t *ret_value)
{
    if (nested != INT_ABSENT && top != INT_ABSENT && nested != top)
        return false;
    *ret_value = nested != INT_ABSENT ? nested : top;
    return true;
}

static const char *under(struct problems *problems, const char *path, const char *name)
{
    return *path ? arena_printf(problems->arena, "%s.%s", path, name) : name;
}

static void take_compliance(const struct texts *words, struct profile *p)
{
    p->compliance_given = words->items != NULL;
    for (size_t i = 0; i < words->count; i++) {
        int word = enum_from_text(compliance_names, str_from(words->items[i]));
        BUG_ON(word < 0); /* the table refuses other words */
        p->compliance |= UINT32_C(1) << word;
    }
}

static void take_regions(const struct texts *words, struct profile *p)
{
    uint32_t seen = 0;
    p->regions_given = words->items != NULL;
    for (size_t i = 0; i < words->count; i++) {
        int word = enum_from_text(geography_names, str_from(words->items[i]));
        BUG_ON(word < 0);
        if (!(seen & UINT32_C(1) << word))
            p->regions[p->region_count++] = (uint8_t)word;
        seen |= UINT32_C(1) << word;
    }
}

bool profile_from_form(const struct profile_form *form, const char *path, struct problems *problems,
                       struct profile *ret_profile)
{
    struct profile p;
    profile_clear(&p);
    p.budget = form->budget;
    p.vehicle_count = form->vehicle_count;
    bool latency_agrees = either(form->performance.latency, form->latency, &p.latency);
    if (!latency_agrees) {
        char nested[DECIMAL_TEXT_MAX], top[DECIMAL_TEXT_MAX];
        problem_add(problems, under(problems, path, "latency_requirement"), 0,
                    "is %s here and %s in performance_needs; give it once",
                    decimal_text(form->latency, top),
                    decimal_text(form->performance.latency, nested));
    }
    bool users_agree = either(form->usage.peak_users, form->peak_users, &p.peak_users);
    if (!users_agree)
        problem_add(problems, under(problems, path, "peak_concurrent_users"), 0,
                    "is %" PRId64 " here and %" PRId64 " in usage_patterns; give it once",
                    form->peak_users, form->usage.peak_users);
    if (!latency_agrees || !users_agree)
        return false;
    take_compliance(&form->compliance, &p);
    take_regions(&form->regions, &p);
    *ret_profile = p;
    return true;
}

bool profile_decode(json_t *object, const char *path, const struct json_source *source,
                    struct arena *arena, struct problems *problems, struct profile *ret_profile)
{
    struct profile_form form;
    record_clear(profile_fields, &form);
    return json_decode(profile_fields, object, path, source, arena, &form, problems) &&
           profile_from_form(&form, path, problems, ret_profile);
}

enum err profile_parse(struct str text, struct profile *ret_profile, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_json_ json_t *object = NULL;
    struct problems problems = {.arena = &arena};
    TRY(json_parse(text, &object, e));
    if (!profile_decode(object, "", NULL, &arena, &problems, ret_profile))
        return problems_error(&problems, e);
    return OK;
}

static int64_t first_given(int64_t a, int64_t b)
{
    return a != INT_ABSENT ? a : b;
}

struct profile profile_merge(const struct profile *base, const struct profile *overrides)
{
    struct profile p = *overrides;
    p.budget = first_given(p.budget, base->budget);
    p.vehicle_count = first_given(p.vehicle_count, base->vehicle_count);
    p.latency = first_given(p.latency, base->latency);
    p.peak_users = first_given(p.peak_users, base->peak_users);
    if (!p.compliance_given) {
        p.compliance = base->compliance;
        p.compliance_given = base->compliance_given;
    }
    if (!p.regions_given) {
        p.regions_given = base->regions_given;
        p.region_count = base->region_count;
        memcpy(p.regions, base->regions, sizeof(p.regions));
    }
    return p;
}

struct profile profile_defaults(decimal plan_price)
{
    struct profile p;
    profile_clear(&p);
    p.budget = plan_price;
    p.latency = 100 * DECIMAL_ONE;
    p.regions_given = true;
    p.region_count = 1;
    p.regions[0] = GEOGRAPHY_US;
    return p;
}

json_t *profile_json(const struct profile *p)
{
    struct profile_form form;
    const char *compliance[COMPLIANCE_COUNT], *regions[GEOGRAPHY_COUNT];
    record_clear(profile_fields, &form);
    form.budget = p->budget;
    form.vehicle_count = p->vehicle_count;
    form.performance.latency = p->latency;
    form.usage.peak_users = p->peak_users;
    if (p->compliance_given) {
        form.compliance.items = compliance;
        for (int i = 0; i < COMPLIANCE_COUNT; i++) {
            if (p->compliance & UINT32_C(1) << i)
                compliance[form.compliance.count++] = compliance_names[i];
        }
    }
    if (p->regions_given) {
        form.regions = (struct texts){regions, p->region_count};
        for (size_t i = 0; i < p->region_count; i++)
            regions[i] = geography_names[p->regions[i]];
    }
    json_t *object = json_encode(profile_fields, &form, JSON_OMIT_ABSENT);
    if (p->latency == INT_ABSENT)
        (void)json_object_del(object, "performance_needs");
    if (p->peak_users == INT_ABSENT)
        (void)json_object_del(object, "usage_patterns");
    return object;
}

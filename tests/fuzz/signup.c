/* A signup's body is a request that keeps every rule of its table, or mistakes that are named. */
#include "fuzz.h"

#include "domain/accounts/signup.h"

/* What is stored of a profile is read back as the same profile. */
static void check_profile(const struct profile_form *form, struct problems *problems)
{
    struct profile profile, again;
    if (!profile_from_form(form, "profile_overrides", problems, &profile)) {
        BUG_ON(problems->count == 0);
        return;
    }
    _cleanup_json_ json_t *object = profile_json(&profile);
    BUG_ON(!profile_decode(object, "", NULL, problems->arena, problems, &again));
    BUG_ON(memcmp(&profile, &again, sizeof(profile)) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct error e = {0};
    struct signup request;
    record_clear(signup_fields, &request);
    enum err err =
        json_decode_text(signup_fields, fuzz_text(data, size), &arena, &request, &problems, &e);
    if (err != OK) {
        BUG_ON(err != ERR_INVALID || !e.text[0]);
        return 0;
    }
    BUG_ON(problems.count > 0 || !request.plan_slug);
    BUG_ON(!request.name || name_check(request.name));
    BUG_ON(!request.slug || slug_check(request.slug) || strlen(request.slug) > SLUG_MAX);
    BUG_ON(!request.email || email_check(request.email));
    check_profile(&request.profile_overrides, &problems);
    return 0;
}

/* Sessions: as good as their token, for as long as it works and no longer than they last. */
#include "product.h"

#include "domain/accounts/sessions.h"
#include "domain/audit/audit.h"

#define LASTS_US USEC_PER_HOUR

static struct token create_token(struct product *p, const char *name)
{
    struct token token;
    char text[TOKEN_TEXT_MAX];
    ASSERT_OK(p, token_create(p->tx, &p->env, "system", name, TOKEN_VIEWER, NULL, &p->arena, &token,
                              text, &p->e));
    return token;
}

static void open_session(struct product *p, const struct token *token, char text[TOKEN_TEXT_MAX])
{
    ASSERT_OK(p, session_open(p->tx, &p->env, token, LASTS_US, &p->arena, text, &p->e));
    clock_virtual_advance(&p->clock, USEC_PER_SEC);
}

static enum err authenticate(struct product *p, const char *text)
{
    struct token token;
    return session_authenticate(p->tx, &p->env, str_from(text), &p->arena, &token, &p->e);
}

static void a_session_stands_for_its_token_and_no_other_text_does(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    product_begin(p);
    struct token token = create_token(p, "ops"), found;
    open_session(p, &token, text);
    ASSERT_OK(p, session_authenticate(p->tx, &p->env, str_from(text), &p->arena, &found, &p->e));
    assert_string_equal(found.id, token.id);
    assert_int_equal(found.role, TOKEN_VIEWER);
    text[strlen(text) - 1] = text[strlen(text) - 1] == 'A' ? 'B' : 'A';
    assert_int_equal(authenticate(p, text), ERR_DENIED);
    assert_int_equal(authenticate(p, ""), ERR_DENIED);
    product_rollback(p);
}

static void it_ends_at_its_time_and_is_then_forgotten(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    int64_t at, deleted;
    product_begin(p);
    struct token token = create_token(p, "ops");
    int64_t opened_at = clock_now(&p->clock.clock);
    open_session(p, &token, text);
    ASSERT_OK(p, session_expiry(p->tx, str_from(text), &at, &p->e));
    assert_int_equal(at, opened_at + LASTS_US);
    clock_virtual_advance(&p->clock, at - clock_now(&p->clock.clock) - 1);
    ASSERT_OK(p, authenticate(p, text));
    ASSERT_OK(p, sessions_prune(p->tx, clock_now(&p->clock.clock), 10, &deleted, &p->e));
    assert_int_equal(deleted, 0);
    clock_virtual_advance(&p->clock, 1);
    assert_int_equal(authenticate(p, text), ERR_DENIED);
    ASSERT_OK(p, sessions_prune(p->tx, at + 1, 10, &deleted, &p->e));
    assert_int_equal(deleted, 1);
    product_rollback(p);
}

static void it_ends_with_its_token_and_by_signing_out(void **state)
{
    struct product *p = *state;
    char first[TOKEN_TEXT_MAX], second[TOKEN_TEXT_MAX], other[TOKEN_TEXT_MAX];
    product_begin(p);
    struct token token = create_token(p, "ops"), another = create_token(p, "else");
    open_session(p, &token, first);
    open_session(p, &token, second);
    open_session(p, &another, other);
    ASSERT_OK(p, session_close(p->tx, str_from(first), &p->e));
    ASSERT_OK(p, session_close(p->tx, str_from(first), &p->e));
    assert_int_equal(authenticate(p, first), ERR_DENIED);
    ASSERT_OK(p, authenticate(p, second));
    ASSERT_OK(p, token_revoke(p->tx, &p->env, "system", token.id, &p->arena, &p->e));
    assert_int_equal(authenticate(p, second), ERR_DENIED);
    ASSERT_OK(p, authenticate(p, other));
    product_rollback(p);
}

static void one_session_too_many_ends_the_oldest_of_the_same_token(void **state)
{
    struct product *p = *state;
    char texts[SESSIONS_MAX + 1][TOKEN_TEXT_MAX], other[TOKEN_TEXT_MAX];
    product_begin(p);
    struct token another = create_token(p, "else"), token = create_token(p, "ops");
    open_session(p, &another, other);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        open_session(p, &token, texts[i]);
    ASSERT_OK(p, authenticate(p, texts[0]));
    open_session(p, &token, texts[SESSIONS_MAX]);
    assert_int_equal(authenticate(p, texts[0]), ERR_DENIED);
    for (size_t i = 1; i <= SESSIONS_MAX; i++)
        ASSERT_OK(p, authenticate(p, texts[i]));
    ASSERT_OK(p, authenticate(p, other));
    product_rollback(p);
}

static void the_text_for_writes_follows_from_the_session_and_tells_nothing_of_it(void **state)
{
    (void)state;
    char a[HASH_TEXT_MAX], again[HASH_TEXT_MAX], b[HASH_TEXT_MAX], stored[HASH_TEXT_MAX];
    session_csrf(STR("wh_one"), a);
    assert_string_equal(session_csrf(STR("wh_one"), again), a);
    assert_string_not_equal(session_csrf(STR("wh_two"), b), a);
    assert_string_not_equal(sha256_hex(STR("wh_one"), stored), a);
}

static void opening_is_audited_without_the_text(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    struct records rows;
    const char *next;
    product_begin(p);
    struct token token = create_token(p, "ops");
    clock_virtual_advance(&p->clock, USEC_PER_SEC);
    open_session(p, &token, text);
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){1, NULL}, &p->arena, &rows, &next, &p->e));
    const struct audit_entry *entry = rows.items;
    assert_string_equal(entry->action, "session.opened");
    assert_string_equal(entry->actor, "token:ops");
    assert_string_equal(entry->subject, token.id);
    assert_null(entry->details);
    product_rollback(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_session_stands_for_its_token_and_no_other_text_does),
        PRODUCT_TEST(it_ends_at_its_time_and_is_then_forgotten),
        PRODUCT_TEST(it_ends_with_its_token_and_by_signing_out),
        PRODUCT_TEST(one_session_too_many_ends_the_oldest_of_the_same_token),
        cmocka_unit_test(the_text_for_writes_follows_from_the_session_and_tells_nothing_of_it),
        PRODUCT_TEST(opening_is_audited_without_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

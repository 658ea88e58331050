/* Bearer tokens: created once, kept as hashes, revoked for good. */
#include "product.h"

#include "domain/accounts/tokens.h"
#include "domain/audit/audit.h"

static struct token create(struct product *p, const char *name, char text[TOKEN_TEXT_MAX])
{
    struct token token;
    product_begin(p);
    ASSERT_OK(p, token_create(p->tx, &p->env, "system", name, TOKEN_ADMIN, NULL, &p->arena, &token,
                              text, &p->e));
    product_commit(p);
    clock_virtual_advance(&p->clock, USEC_PER_SEC); /* ids of one millisecond have no order here */
    return token;
}

static enum err authenticate(struct product *p, const char *text, struct token *ret)
{
    return token_authenticate(p->tx, str_from(text), &p->arena, ret, &p->e);
}

static void a_created_token_authenticates_its_text_and_no_other(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    struct token created = create(p, "ops", text), found;
    product_begin(p);
    ASSERT_OK(p, authenticate(p, text, &found));
    assert_string_equal(found.id, created.id);
    assert_string_equal(found.name, "ops");
    assert_int_equal(found.role, TOKEN_ADMIN);
    assert_int_equal(found.revoked_at, INT_ABSENT);

    static const char *const others[] = {"", "wh_", "ops", "' OR 1=1 --"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(authenticate(p, others[i], &found), ERR_DENIED);
    text[strlen(text) - 1] = text[strlen(text) - 1] == 'A' ? 'B' : 'A';
    assert_int_equal(authenticate(p, text, &found), ERR_DENIED);
    product_rollback(p);
}

static void a_revoked_token_is_denied_and_cannot_be_revoked_again(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    struct token token = create(p, "ops", text), found;
    product_begin(p);
    ASSERT_OK(p, token_revoke(p->tx, &p->env, "token:root", token.id, &p->arena, &p->e));
    assert_int_equal(authenticate(p, text, &found), ERR_DENIED);
    assert_int_equal(token_revoke(p->tx, &p->env, "token:root", token.id, &p->arena, &p->e),
                     ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, token.id);
    product_commit(p);
}

static void revoking_an_unknown_token_names_it(void **state)
{
    struct product *p = *state;
    product_begin(p);
    assert_int_equal(token_revoke(p->tx, &p->env, "token:root", "nobody", &p->arena, &p->e),
                     ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no token nobody");
    product_rollback(p);
}

static void revoking_a_name_revokes_all_its_tokens_and_no_other(void **state)
{
    struct product *p = *state;
    char a[TOKEN_TEXT_MAX], b[TOKEN_TEXT_MAX], other[TOKEN_TEXT_MAX];
    create(p, "cli", a);
    create(p, "cli", b);
    create(p, "ci", other);
    struct token found;
    int64_t working;
    product_begin(p);
    ASSERT_OK(p, token_revoke_named(p->tx, &p->env, "system", "cli", &p->arena, &p->e));
    assert_int_equal(authenticate(p, a, &found), ERR_DENIED);
    assert_int_equal(authenticate(p, b, &found), ERR_DENIED);
    ASSERT_OK(p, authenticate(p, other, &found));
    ASSERT_OK(p, token_count(p->tx, &working, &p->e));
    assert_int_equal(working, 1);
    ASSERT_OK(p, token_revoke_named(p->tx, &p->env, "system", "cli", &p->arena, &p->e));
    product_commit(p);
}

static void the_list_is_newest_first_in_pages_and_keeps_revoked_ones(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    struct token first = create(p, "1", text);
    create(p, "2", text);
    create(p, "3", text);
    product_begin(p);
    ASSERT_OK(p, token_revoke(p->tx, &p->env, "system", first.id, &p->arena, &p->e));
    struct records rows;
    const char *next;
    ASSERT_OK(p, token_list(p->tx, (struct page){2, NULL}, &p->arena, &rows, &next, &p->e));
    const struct token *tokens = rows.items;
    assert_int_equal(rows.count, 2);
    assert_string_equal(tokens[0].name, "3");
    assert_string_equal(tokens[1].name, "2");
    assert_string_equal(next, tokens[1].id);
    ASSERT_OK(p, token_list(p->tx, (struct page){2, next}, &p->arena, &rows, &next, &p->e));
    tokens = rows.items;
    assert_int_equal(rows.count, 1);
    assert_string_equal(tokens[0].name, "1");
    assert_int_equal(tokens[0].revoked_at, clock_now(&p->clock.clock));
    assert_null(next);
    product_rollback(p);
}

static void creating_and_revoking_are_audited_without_the_text(void **state)
{
    struct product *p = *state;
    char text[TOKEN_TEXT_MAX];
    struct token token = create(p, "ops", text);
    struct records rows;
    const char *next;
    product_begin(p);
    ASSERT_OK(p, token_revoke(p->tx, &p->env, "token:root", token.id, &p->arena, &p->e));
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){10, NULL}, &p->arena, &rows, &next, &p->e));
    const struct audit_entry *entries = rows.items;
    assert_int_equal(rows.count, 2);
    assert_string_equal(entries[0].action, "token.revoked");
    assert_string_equal(entries[0].actor, "token:root");
    assert_string_equal(entries[0].subject, token.id);
    assert_string_equal(entries[1].action, "token.created");
    assert_string_equal(entries[1].actor, "system");
    for (size_t i = 0; i < rows.count; i++)
        assert_true(!entries[i].details || !strstr(entries[i].details, text));
    product_rollback(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_created_token_authenticates_its_text_and_no_other),
        PRODUCT_TEST(a_revoked_token_is_denied_and_cannot_be_revoked_again),
        PRODUCT_TEST(revoking_an_unknown_token_names_it),
        PRODUCT_TEST(revoking_a_name_revokes_all_its_tokens_and_no_other),
        PRODUCT_TEST(the_list_is_newest_first_in_pages_and_keeps_revoked_ones),
        PRODUCT_TEST(creating_and_revoking_are_audited_without_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

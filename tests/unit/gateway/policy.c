#include "test.h"

#include "base/attr.h"
#include "gateway/policy.h"

#include <stdio.h>

#define FREE_RIDE "spiffe://free-ride.example/program/free-ride"

static struct policy_program granted[] = {
    {.name = FREE_RIDE,
     .methods = {"GET", "POST"},
     .n_methods = 2,
     .paths = {"/api/sales", "/public/*"},
     .n_paths = 2},
    {.name = "spiffe://free-ride.example/program/any"},
};
static const struct policy POLICY = {
    .names_programs = true,
    .programs = granted,
    .n_programs = ARRAY_LEN(granted),
    .tiers = {"isolated"},
    .n_tiers = 1,
    .back_ends = {"process"},
    .n_back_ends = 1,
};
static const struct program GOOD = {
    .id = FREE_RIDE, .tier = "isolated", .back_end = "process", .reads = true, .writes = true};

static bool permits(const struct policy *policy, const struct program *program, const char *method,
                    const char *path, struct idevs_error *err)
{
    struct http_message m = {.method = bytes_of_text(method), .path = bytes_of_text(path)};

    err->code[0] = 0;
    return policy_permits(policy, program, &m, err);
}

static void what_is_granted_passes(void **state)
{
    (void)state;
    struct idevs_error err;

    assert_true(permits(&POLICY, &GOOD, "GET", "/api/sales", &err));
    assert_true(permits(&POLICY, &GOOD, "GET", "/api/sales?after=809", &err));
    assert_true(permits(&POLICY, &GOOD, "POST", "/public/a/b", &err));
}

static void assert_policy(const struct program *p, const char *method, const char *code)
{
    struct idevs_error err;

    assert_false(permits(&POLICY, p, method, "/api/sales", &err));
    assert_refused(&err, code);
}

static void each_part_of_the_policy_refuses_with_its_code(void **state)
{
    (void)state;
    struct program p = GOOD;

    snprintf(p.id, sizeof(p.id), "spiffe://free-ride.example/program/free-ride2");
    assert_policy(&p, "GET", "policy.program");
    p = GOOD;
    snprintf(p.tier, sizeof(p.tier), "development");
    assert_policy(&p, "GET", "policy.tier");
    p = GOOD;
    snprintf(p.back_end, sizeof(p.back_end), "none");
    assert_policy(&p, "GET", "policy.back-end");
    p = GOOD;
    p.reads = false;
    assert_policy(&p, "GET", "policy.reads");
    assert_policy(&p, "HEAD", "policy.reads");
    p = GOOD;
    p.writes = false;
    assert_policy(&p, "POST", "policy.writes");
    assert_policy(&GOOD, "DELETE", "policy.method");
}

static void paths_are_exact_or_below_a_prefix(void **state)
{
    static const char *const REFUSED[] = {"/",
                                          "/api/sales/",
                                          "/api/sales/1",
                                          "/api/salesmen",
                                          "/api/Sales",
                                          "/api",
                                          "/public",
                                          "/publicly",
                                          "/%70ublic/a",
                                          "/api/%73ales",
                                          "/public/..;/api",
                                          "/public/.;",
                                          "/public/a/.;b",
                                          "/public/a/..;b/c"};
    (void)state;
    struct idevs_error err;

    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        assert_false(permits(&POLICY, &GOOD, "GET", REFUSED[i], &err));
        assert_refused(&err, "policy.path");
    }
    assert_true(permits(&POLICY, &GOOD, "GET", "/public/", &err));
    assert_true(permits(&POLICY, &GOOD, "GET", "/public/..a;b", &err));
}

static void the_refusal_of_a_path_does_not_repeat_it(void **state)
{
    (void)state;
    struct idevs_error err;

    assert_false(permits(&POLICY, &GOOD, "GET", "/patients/mueller", &err));
    assert_null(strstr(err.found, "mueller"));
}

static void an_entry_without_methods_and_paths_grants_all(void **state)
{
    (void)state;
    struct program p = GOOD;
    struct idevs_error err;

    snprintf(p.id, sizeof(p.id), "spiffe://free-ride.example/program/any");
    assert_true(permits(&POLICY, &p, "DELETE", "/whatever", &err));
}

static void an_empty_policy_still_asks_for_the_manifest(void **state)
{
    (void)state;
    const struct policy empty = {0};
    struct program p = GOOD;
    struct idevs_error err;

    assert_true(permits(&empty, &p, "GET", "/x", &err));
    p.reads = false;
    assert_false(permits(&empty, &p, "GET", "/x", &err));
    assert_refused(&err, "policy.reads");
}

static void state_is_for_whoever_may_read_or_write(void **state)
{
    (void)state;
    struct program p = GOOD;
    struct idevs_error err;

    p.writes = false;
    assert_true(permits(&POLICY, &p, "PUT", STATE_PATH "cursor?version=0", &err));
    p.writes = true;
    p.reads = false;
    assert_true(permits(&POLICY, &p, "GET", STATE_PATH "cursor", &err));
    p.writes = false;
    assert_false(permits(&POLICY, &p, "GET", STATE_PATH "cursor", &err));
    assert_refused(&err, "policy.reads");
}

static void claims_count_for_exactly_our_authority(void **state)
{
    (void)state;
    struct eat_claims claims = {.tier = "isolated", .back_end = "process"};
    struct program p;

    snprintf(claims.reads[0], sizeof(claims.reads[0]), "store.example:8443");
    snprintf(claims.writes[0], sizeof(claims.writes[0]), "transport.example");
    claims.n_reads = claims.n_writes = 1;
    program_from_claims(FREE_RIDE, &claims, "store.example:8443", &p);
    assert_true(p.reads);
    assert_false(p.writes);
    program_from_claims(FREE_RIDE, &claims, "store.example", &p);
    assert_false(p.reads);
    program_from_claims(FREE_RIDE, &claims, "transport.example", &p);
    assert_true(p.writes);
    assert_string_equal(p.id, FREE_RIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_granted_passes),
        cmocka_unit_test(each_part_of_the_policy_refuses_with_its_code),
        cmocka_unit_test(paths_are_exact_or_below_a_prefix),
        cmocka_unit_test(the_refusal_of_a_path_does_not_repeat_it),
        cmocka_unit_test(an_entry_without_methods_and_paths_grants_all),
        cmocka_unit_test(an_empty_policy_still_asks_for_the_manifest),
        cmocka_unit_test(state_is_for_whoever_may_read_or_write),
        cmocka_unit_test(claims_count_for_exactly_our_authority),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"

#include "base/attr.h"
#include "gateway/policy.h"

#include <stdio.h>

#define ONES   "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS   "2222222222222222222222222222222222222222222222222222222222222222"
#define THREES "3333333333333333333333333333333333333333333333333333333333333333"

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
    .terms = {.tiers = {"isolated"}, .n_tiers = 1, .back_ends = {"process"}, .n_back_ends = 1},
};
static char reached[][LIMIT_AUTHORITY + 1] = {"hospital.example:8443", "messaging.example"};
static const struct program GOOD = {
    .id = FREE_RIDE,
    .tier = "isolated",
    .back_end = "process",
    .source = ONES,
    .executable = TWOS,
    .owner = THREES,
    .reads = true,
    .writes = true,
    .reaches = reached,
    .n_reaches = ARRAY_LEN(reached),
};

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

/* The same terms for all programs, and in the entry of this one. */
static void assert_terms(struct policy_terms terms, const struct program *p, const char *code)
{
    struct idevs_error err;
    struct policy_program entry = {.name = FREE_RIDE, .terms = terms, .purpose = "rides"};
    const struct policy for_all = {.terms = terms};
    const struct policy for_one = {.names_programs = true, .programs = &entry, .n_programs = 1};

    for (size_t i = 0; i < 2; i++) {
        bool permitted = permits(i ? &for_one : &for_all, p, "GET", "/x", &err);
        assert_int_equal(permitted, code == NULL);
        if (code)
            assert_refused(&err, code);
        if (code && i)
            assert_non_null(strstr(err.expected, ", for: rides"));
    }
}

static void terms_hold_for_all_programs_or_for_one(void **state)
{
    (void)state;
    assert_terms((struct policy_terms){.tiers = {"hardware"}, .n_tiers = 1}, &GOOD, "policy.tier");
    assert_terms((struct policy_terms){.back_ends = {"microvm"}, .n_back_ends = 1}, &GOOD,
                 "policy.back-end");
    assert_terms((struct policy_terms){.owners = {ONES, TWOS}, .n_owners = 2}, &GOOD,
                 "policy.owner");
    assert_terms((struct policy_terms){.owners = {ONES, THREES}, .n_owners = 2}, &GOOD, NULL);
}

static void code_is_a_source_or_an_executable(void **state)
{
    (void)state;
    struct program prepared = GOOD;

    prepared.source[0] = 0;
    assert_terms((struct policy_terms){.code = {THREES, ONES}, .n_code = 2}, &GOOD, NULL);
    assert_terms((struct policy_terms){.code = {TWOS}, .n_code = 1}, &GOOD, NULL);
    assert_terms((struct policy_terms){.code = {TWOS}, .n_code = 1}, &prepared, NULL);
    assert_terms((struct policy_terms){.code = {THREES}, .n_code = 1}, &GOOD, "policy.code");
    assert_terms((struct policy_terms){.code = {ONES}, .n_code = 1}, &prepared, "policy.code");
}

static void data_reaches_nobody_but_who_is_listed(void **state)
{
    (void)state;
    struct program nobody = GOOD;
    const struct policy_terms both = {
        .reaches_only = {"messaging.example", "hospital.example:8443"}, .n_reaches_only = 2};
    const struct policy_terms one = {.reaches_only = {"messaging.example"}, .n_reaches_only = 1};
    const struct policy_terms other_port = {
        .reaches_only = {"messaging.example", "hospital.example"}, .n_reaches_only = 2};

    nobody.n_reaches = 0;
    assert_terms(both, &GOOD, NULL);
    assert_terms(one, &GOOD, "policy.reaches");
    assert_terms(other_port, &GOOD, "policy.reaches");
    assert_terms(one, &nobody, NULL);
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
    program_free(&p);
    program_from_claims(FREE_RIDE, &claims, "store.example", &p);
    assert_false(p.reads);
    program_free(&p);
    program_from_claims(FREE_RIDE, &claims, "transport.example", &p);
    assert_true(p.writes);
    assert_string_equal(p.id, FREE_RIDE);
    program_free(&p);
}

static void services_that_are_read_count_as_reached_too(void **state)
{
    (void)state;
    struct eat_claims claims = {.tier = "isolated", .owner = THREES};
    struct program p;

    claims.executable.present = true;
    memset(claims.executable.sha256, 0x22, SHA256_LEN);
    snprintf(claims.reads[0], sizeof(claims.reads[0]), "store.example");
    snprintf(claims.reads[1], sizeof(claims.reads[1]), "weather.example");
    snprintf(claims.writes[0], sizeof(claims.writes[0]), "hospital.example");
    claims.n_reads = 2;
    claims.n_writes = 1;
    program_from_claims(FREE_RIDE, &claims, "store.example", &p);
    assert_int_equal(p.n_reaches, 2);
    assert_string_equal(p.reaches[0], "weather.example");
    assert_string_equal(p.reaches[1], "hospital.example");
    assert_string_equal(p.executable, TWOS);
    assert_string_equal(p.source, "");
    assert_string_equal(p.owner, THREES);
    program_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_granted_passes),
        cmocka_unit_test(each_part_of_the_policy_refuses_with_its_code),
        cmocka_unit_test(terms_hold_for_all_programs_or_for_one),
        cmocka_unit_test(code_is_a_source_or_an_executable),
        cmocka_unit_test(data_reaches_nobody_but_who_is_listed),
        cmocka_unit_test(paths_are_exact_or_below_a_prefix),
        cmocka_unit_test(the_refusal_of_a_path_does_not_repeat_it),
        cmocka_unit_test(an_entry_without_methods_and_paths_grants_all),
        cmocka_unit_test(an_empty_policy_still_asks_for_the_manifest),
        cmocka_unit_test(state_is_for_whoever_may_read_or_write),
        cmocka_unit_test(claims_count_for_exactly_our_authority),
        cmocka_unit_test(services_that_are_read_count_as_reached_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "test.h"

#include "base/attr.h"
#include "base/limits.h"
#include "gateway/config.h"

#include <stdio.h>

#define LEAST                                                                                      \
    "listen: 127.0.0.1:8443\n"                                                                     \
    "upstream: http://127.0.0.1:8080\n"                                                            \
    "authority: store.example:8443\n"                                                              \
    "certificate: cert.pem\n"                                                                      \
    "key: priv.pem\n"                                                                              \
    "program_anchors: [tier-isolated.pem]\n"                                                       \
    "state: state\n"

static bool parse(const char *text, struct gateway_config *config, struct idevs_error *err)
{
    err->code[0] = 0;
    return gateway_config_parse(bytes_of_text(text), "/etc/idevs/gateway.yaml", config, err);
}

static void the_least_configuration_has_safe_defaults(void **state)
{
    (void)state;
    _cleanup_gateway_config_ struct gateway_config c = {0};
    struct idevs_error err;

    assert_true(parse(LEAST, &c, &err));
    assert_string_equal(c.authority, "store.example:8443");
    assert_string_equal(c.key, "/etc/idevs/priv.pem");
    assert_string_equal(c.anchors[0], "/etc/idevs/tier-isolated.pem");
    assert_int_equal(c.n_anchors, 1);
    assert_int_equal(c.max_body, LIMIT_BODY);
    assert_int_equal(c.upstream_seconds, 60);
    assert_false(c.honours_idempotency_key);
    assert_false(c.policy.names_programs);
    assert_null(c.previous_key);
}

#define DIGEST_REST "bcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
#define DIGEST      "a" DIGEST_REST

static void a_whole_configuration_is_read(void **state)
{
    (void)state;
    _cleanup_gateway_config_ struct gateway_config c = {0};
    struct idevs_error err;

    assert_true(parse(LEAST
                      "previous_key: old.pem\n"
                      "max_body: 64 MiB\n"
                      "honours_idempotency_key: true\n"
                      "upstream_timeout: 2 min\n"
                      "tiers: [hardware, isolated]\n"
                      "back_ends: [process]\n"
                      "programs:\n"
                      "  - {name: 'spiffe://a/program/b', methods: [GET], paths: [/x, '/y/*']}\n"
                      "  - name: 'spiffe://a/program/c'\n"
                      "    purpose: a free ride home\n"
                      "    tiers: [isolated]\n"
                      "    owners: [" DIGEST "]\n"
                      "    code: [" DIGEST ", " DIGEST "]\n"
                      "    reaches_only: [hospital.example:8443, messaging.example]\n",
                      &c, &err));
    assert_int_equal(c.max_body, MIB(64));
    assert_int_equal(c.upstream_seconds, 120);
    assert_true(c.honours_idempotency_key);
    assert_true(c.policy.names_programs);
    assert_int_equal(c.policy.n_programs, 2);
    assert_string_equal(c.policy.programs[0].paths[1], "/y/*");
    assert_int_equal(c.policy.programs[1].n_methods, 0);
    assert_int_equal(c.policy.terms.n_tiers, 2);
    assert_int_equal(c.policy.terms.n_reaches_only, 0);
    assert_string_equal(c.policy.programs[1].purpose, "a free ride home");
    assert_string_equal(c.policy.programs[1].terms.tiers[0], "isolated");
    assert_int_equal(c.policy.programs[1].terms.n_code, 2);
    assert_int_equal(c.policy.programs[1].terms.n_owners, 1);
    assert_string_equal(c.policy.programs[1].terms.reaches_only[1], "messaging.example");
    assert_string_equal(c.previous_key, "/etc/idevs/old.pem");
}

static void lists_of_revoked_certificates_have_defaults_below_a_minute(void **state)
{
    (void)state;
    _cleanup_gateway_config_ struct gateway_config c = {0};
    _cleanup_gateway_config_ struct gateway_config least = {0};
    struct idevs_error err;

    assert_true(parse(LEAST, &least, &err));
    assert_int_equal(least.revocation.n_lists, 0);
    assert_true(parse(LEAST "revocation:\n"
                            "  lists: ['https://authority.example:8443/v1/crl/isolated']\n"
                            "  ca: ca.pem\n",
                      &c, &err));
    assert_int_equal(c.revocation.n_lists, 1);
    assert_string_equal(c.revocation.lists[0].origin, "https://authority.example:8443");
    assert_string_equal(c.revocation.lists[0].path, "/v1/crl/isolated");
    assert_string_equal(c.revocation.ca, "/etc/idevs/ca.pem");
    assert_int_equal(c.revocation.every, 10);
    assert_int_equal(c.revocation.max_age, 45);
    assert_true(c.revocation.max_age + LIMIT_CLOCK_SKEW < 60);
}

static void a_wrong_value_is_refused_with_its_place(void **state)
{
    static const char *const WRONG[] = {
        "revocation: {lists: []}\n",
        "revocation: {ca: ca.pem}\n",
        "revocation: {lists: ['ftp://a/b']}\n",
        "revocation: {lists: ['https://a']}\n",
        "revocation: {lists: ['https://A/b']}\n",
        "revocation: {lists: ['https://a/../b']}\n",
        "revocation: {lists: ['https://a/b'], every: 0}\n",
        "revocation: {lists: ['https://a/b'], max_age: 9}\n",
        "revocation: {lists: ['https://a/b'], max_age: 2 h}\n",
        "revocation: {lists: ['https://a/b'], every: 40, max_age: 45}\n",
        "unknown: 1\n",
        "max_body: 65 MiB\n",
        "max_body: 0\n",
        "honours_idempotency_key: yes\n",
        "upstream_timeout: 0\n",
        "tiers: [isolate]\n",
        "tiers: []\n",
        "back_ends: ['Process']\n",
        "owners: [ab]\n",
        "code: ['" DIGEST "0']\n",
        "code: ['A" DIGEST_REST "']\n",
        "reaches_only: []\n",
        "reaches_only: ['https://hospital.example']\n",
        "reaches_only: ['Hospital.example']\n",
        "programs: [{name: 'spiffe://a/b', purpose: ''}]\n",
        "programs: [{name: 'spiffe://a/b', purpose: '" DIGEST "0'}]\n",
        "programs: []\n",
        "programs: [{methods: [GET]}]\n",
        "programs: [{name: 'https://a/b'}]\n",
        "programs: [{name: 'spiffe://a b'}]\n",
        "programs: [{name: 'spiffe://a/b', methods: [get]}]\n",
        "programs: [{name: 'spiffe://a/b', methods: [CONNECT]}]\n",
        "programs: [{name: 'spiffe://a/b', paths: [x]}]\n",
        "programs: [{name: 'spiffe://a/b', paths: ['/x*']}]\n",
        "programs: [{name: 'spiffe://a/b', paths: ['/x/*/y']}]\n",
        "programs: [{name: 'spiffe://a/b', paths: ['/x?y']}]\n",
        "programs: [{name: 'spiffe://a/b', paths: ['/x/../y']}]\n",
        "programs: [{name: 'spiffe://a/b', path: [/x]}]\n",
        "programs: [{name: 'spiffe://a/b'}, {name: 'spiffe://a/b'}]\n",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        _cleanup_gateway_config_ struct gateway_config c = {0};
        struct idevs_error err;
        char text[1024];
        snprintf(text, sizeof(text), LEAST "%s", WRONG[i]);
        if (parse(text, &c, &err))
            fail_msg("accepted: %s", WRONG[i]);
        assert_refused(&err, "config.syntax");
        assert_non_null(strstr(err.found, "gateway.yaml:"));
        assert_null(c.document);
    }
}

static void every_line_of_the_least_configuration_is_needed(void **state)
{
    (void)state;
    static const char *const KEYS[] = {"listen",          "upstream", "authority", "certificate",
                                       "program_anchors", "state",    "key"};

    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        _cleanup_gateway_config_ struct gateway_config c = {0};
        struct idevs_error err;
        char text[sizeof(LEAST) + 1] = LEAST;
        char wanted[32];
        snprintf(wanted, sizeof(wanted), "\n%s:", KEYS[i]);
        char *line = i == 0 ? text : strstr(text, wanted) + 1;
        char *end = strchr(line, '\n') + 1;
        memmove(line, end, strlen(end) + 1);
        assert_false(parse(text, &c, &err));
        assert_refused(&err, "config.syntax");
    }
}

static void an_upstream_is_plain_http_without_a_path(void **state)
{
    static const char *const WRONG[] = {"https://a:1", "http://a:1/",  "a:1",       "http://",
                                        "http://A",    "http://a:1?x", "http://u@a"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        _cleanup_gateway_config_ struct gateway_config c = {0};
        struct idevs_error err;
        char text[1024];
        snprintf(text, sizeof(text),
                 "listen: 127.0.0.1:1\nupstream: '%s'\nauthority: a\ncertificate: c\nkey: k\n"
                 "program_anchors: [a]\nstate: s\n",
                 WRONG[i]);
        assert_false(parse(text, &c, &err));
        assert_refused(&err, "config.syntax");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_configuration_has_safe_defaults),
        cmocka_unit_test(a_whole_configuration_is_read),
        cmocka_unit_test(lists_of_revoked_certificates_have_defaults_below_a_minute),
        cmocka_unit_test(a_wrong_value_is_refused_with_its_place),
        cmocka_unit_test(every_line_of_the_least_configuration_is_needed),
        cmocka_unit_test(an_upstream_is_plain_http_without_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

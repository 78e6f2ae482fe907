/* Provider-signed evidence, checked by whoever has the platform's public key. */
#include "evidence/hardware.h"
#include "test.h"

#include "example.h"

/* What one call needs. */
struct given {
    struct example example;
    struct buffer cmw;
    struct endorsements trusted;
};

static void given_release(struct given *g)
{
    example_free(&g->example);
    buffer_free(&g->cmw);
    endorsements_release(&g->trusted);
}
#define _cleanup_given_ _cleanup_(given_release)

static void trust(struct given *g, const struct key *key)
{
    struct idevs_error err;
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(1024);

    assert_true(public_key_pem(public, &pem));
    assert_true(endorsements_add_roots(&g->trusted, buffer_bytes(&pem), &err));
}

static void sign(struct given *g)
{
    buffer_clear(&g->cmw);
    example_evidence(&g->example, g->example.platform_key, &g->cmw);
}

static void make(struct given *g)
{
    *g = (struct given){.cmw = buffer_up_to(LIMIT_EVIDENCE)};
    example_make(&g->example, bytes_of_text("root"));
    sign(g);
}

static bool verify(const struct given *g, struct bytes nonce, bool allow_debug,
                   struct claims *claims, struct idevs_error *err)
{
    const struct verification v = {.evidence = buffer_bytes(&g->cmw),
                                   .endorsements = &g->trusted,
                                   .nonce = nonce,
                                   .at = 1800000000,
                                   .allow_debug = allow_debug};

    *claims = (struct claims){.n = 0};
    return hardware_verifier("eat")->verify(&v, claims, NULL, err);
}

static void refuses(const struct given *g, const char *code)
{
    struct claims claims;
    struct idevs_error err;

    assert_false(verify(g, bytes_of(NULL, 0), false, &claims, &err));
    assert_refused(&err, code);
}

static void evidence_by_a_trusted_key_says_what_is_in_it(void **state)
{
    struct given _cleanup_given_ g;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    make(&g);
    trust(&g, g.example.owner);
    trust(&g, g.example.platform_key);
    const struct eat_claims *c = &g.example.claims;
    assert_true(verify(&g, bytes_of(c->nonce, sizeof(c->nonce)), false, &claims, &err));
    assert_memory_equal(claims_find(&claims, "measurement")->bytes, c->executable.sha256, 32);
    assert_memory_equal(claims_find(&claims, "manifest")->bytes, c->manifest.sha256, 32);
    assert_string_equal(claims_find(&claims, "back_end")->bytes, "process");
}

static void evidence_by_any_other_key_is_refused(void **state)
{
    struct given _cleanup_given_ g;
    (void)state;
    make(&g);
    refuses(&g, "evidence.endorsement");
    trust(&g, g.example.owner);
    refuses(&g, "evidence.signature");
}

static void every_byte_of_it_counts(void **state)
{
    struct given _cleanup_given_ g;
    (void)state;
    make(&g);
    trust(&g, g.example.platform_key);
    for (size_t i = 0; i < g.cmw.len; i++) {
        struct claims claims;
        struct idevs_error err;
        g.cmw.data[i] ^= 1;
        bool accepted = verify(&g, bytes_of(NULL, 0), false, &claims, &err);
        g.cmw.data[i] ^= 1;
        if (accepted)
            fail_msg("byte %zu: accepted", i);
    }
}

static void debugging_and_another_nonce_are_refused(void **state)
{
    struct given _cleanup_given_ g;
    struct claims claims;
    struct idevs_error err;
    (void)state;
    make(&g);
    trust(&g, g.example.platform_key);
    assert_false(verify(&g, bytes_of("other", 5), false, &claims, &err));
    assert_refused(&err, "evidence.freshness");
    g.example.claims.debug = EAT_DEBUG_ENABLED;
    sign(&g);
    refuses(&g, "policy.debug");
    assert_true(verify(&g, bytes_of(NULL, 0), true, &claims, &err));
}

static void other_bytes_are_no_evidence(void **state)
{
    struct given _cleanup_given_ g;
    (void)state;
    make(&g);
    trust(&g, g.example.platform_key);
    for (; g.cmw.len > 0; g.cmw.len--) {
        struct claims claims;
        struct idevs_error err;
        g.cmw.len--;
        assert_false(verify(&g, bytes_of(NULL, 0), false, &claims, &err));
        assert_refused(&err, "evidence.format");
        g.cmw.len++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_by_a_trusted_key_says_what_is_in_it),
        cmocka_unit_test(evidence_by_any_other_key_is_refused),
        cmocka_unit_test(every_byte_of_it_counts),
        cmocka_unit_test(debugging_and_another_nonce_are_refused),
        cmocka_unit_test(other_bytes_are_no_evidence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

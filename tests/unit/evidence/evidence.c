#include "evidence/evidence.h"
#include "test.h"

#include "example.h"

static bool find_key(void *arg, const uint8_t id[32], uint8_t ret_spki[SPKI_LEN])
{
    const struct example *e = arg;
    uint8_t mine[SHA256_LEN];

    key_spki(e->platform_key, ret_spki);
    sha256(bytes_of(ret_spki, SPKI_LEN), mine);
    return memcmp(mine, id, sizeof(mine)) == 0;
}

static bool verify(struct example *e, struct bytes cmw, struct eat_claims *ret,
                   struct idevs_error *err)
{
    struct evidence_context context = {find_key, e};

    return evidence_verify(cmw, &context, ret, err);
}

static void evidence_of_an_enrolled_platform_is_verified(void **state)
{
    struct eat_claims got;
    struct idevs_error err;
    _cleanup_example_ struct example e;
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
    (void)state;
    example_make(&e, bytes_of_text("root"));
    example_evidence(&e, e.platform_key, &cmw);
    assert_true(verify(&e, buffer_bytes(&cmw), &got, &err));
    assert_memory_equal(got.nonce, e.claims.nonce, sizeof(got.nonce));
    assert_memory_equal(got.executable.sha256, e.claims.executable.sha256, SHA256_LEN);
    assert_memory_equal(evidence_platform_id(&got), e.claims.ueid + 1, SHA256_LEN);
}

static void another_platforms_evidence_is_refused(void **state)
{
    struct eat_claims got;
    struct idevs_error err;
    _cleanup_example_ struct example e;
    _cleanup_key_ struct key *other = key_generate();
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
    (void)state;
    example_make(&e, bytes_of_text("root"));
    example_evidence(&e, other, &cmw);
    assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
    assert_refused(&err, "evidence.platform");
}

static void a_platform_that_speaks_for_another_is_refused(void **state)
{
    struct eat_claims got;
    struct idevs_error err;
    _cleanup_example_ struct example e;
    (void)state;
    example_make(&e, bytes_of_text("root"));
    for (int i = 0; i < 2; i++) { /* the type, then the digest */
        _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
        e.claims.ueid[i] ^= 3;
        example_evidence(&e, e.platform_key, &cmw);
        assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
        assert_refused(&err, "evidence.platform");
        e.claims.ueid[i] ^= 3;
    }
}

static void claims_that_only_an_authority_makes_are_refused(void **state)
{
    struct eat_claims got;
    struct idevs_error err;
    (void)state;
    for (int which = 0; which < 6; which++) {
        _cleanup_example_ struct example e;
        _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
        example_make(&e, bytes_of_text("root"));
        if (which == 0)
            strcpy(e.claims.tier, "hardware");
        if (which == 1)
            strcpy(e.claims.breakers, "nobody");
        if (which == 2)
            strcpy(e.claims.policy, "mine");
        if (which == 3)
            strcpy(e.claims.owner, "me");
        if (which == 4)
            strcpy(e.claims.reads[e.claims.n_reads++], "store.example");
        if (which == 5)
            strcpy(e.claims.writes[e.claims.n_writes++], "store.example");
        example_evidence(&e, e.platform_key, &cmw);
        assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
        assert_refused(&err, "evidence.malformed");
    }
}

/* Signature, key id, media type, or any other byte: none can change. */
static void every_changed_byte_is_refused(void **state)
{
    struct eat_claims got;
    struct idevs_error err;
    _cleanup_example_ struct example e;
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
    (void)state;
    example_make(&e, bytes_of_text("root"));
    example_evidence(&e, e.platform_key, &cmw);
    for (size_t i = 0; i < cmw.len; i++) {
        cmw.data[i] ^= 1;
        assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
        assert_true(error_is(&err, "evidence."));
        cmw.data[i] ^= 1;
        if (i > 0)
            assert_false(verify(&e, bytes_of(cmw.data, i), &got, &err));
    }
    cmw.data[cmw.len - 1] ^= 1;
    assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
    assert_refused(&err, "evidence.signature");
}

static void unknown_technologies_and_texts_are_refused(void **state)
{
    struct eat_claims got;
    struct idevs_error err;
    _cleanup_example_ struct example e;
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE);
    _cleanup_buffer_ struct buffer cose = buffer_up_to(LIMIT_EVIDENCE);
    (void)state;
    example_make(&e, bytes_of_text("root"));
    assert_true(cmw_encode("application/unknown", bytes_of_text("x"), &cmw));
    assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
    assert_refused(&err, "evidence.malformed");
    assert_non_null(strstr(err.found, "application/unknown"));
    /* Signed by the right key, but no EAT. */
    buffer_clear(&cmw);
    assert_true(cose_sign(e.platform_key, CMW_EAT_CWT, bytes_of_text("x"), &cose));
    assert_true(cmw_encode(CMW_EAT_CWT, buffer_bytes(&cose), &cmw));
    assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
    assert_refused(&err, "evidence.malformed");
    /* An EAT signed for another purpose. */
    buffer_clear(&cmw);
    buffer_clear(&cose);
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_EVIDENCE);
    assert_true(eat_encode(&e.claims, &claims));
    assert_true(cose_sign(e.platform_key, "application/other", buffer_bytes(&claims), &cose));
    assert_true(cmw_encode(CMW_EAT_CWT, buffer_bytes(&cose), &cmw));
    assert_false(verify(&e, buffer_bytes(&cmw), &got, &err));
    assert_refused(&err, "evidence.signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_of_an_enrolled_platform_is_verified),
        cmocka_unit_test(another_platforms_evidence_is_refused),
        cmocka_unit_test(a_platform_that_speaks_for_another_is_refused),
        cmocka_unit_test(claims_that_only_an_authority_makes_are_refused),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(unknown_technologies_and_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

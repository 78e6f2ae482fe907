#include "crypto/x509.h"
#include "test.h"

#include "ca.h"

static struct ca ca;

static int set_up(void **state)
{
    (void)state;
    ca_make(&ca);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ca_free(&ca);
    return 0;
}

static void assert_leaf_refused(const struct certificate_fields *f, enum chain_purpose purpose,
                                int64_t now, const char *code)
{
    struct idevs_error err;
    _cleanup_chain_ struct chain chain = chain_of(&ca, f);

    assert_false(verify_at(&chain, ca.root, purpose, now, &err));
    assert_refused(&err, code);
}

/* ---- what is accepted ---- */

static void a_program_of_the_authority_is_accepted(void **state)
{
    struct idevs_error err;
    char uri[128];
    struct bytes cmw;
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    const struct certificate *leaf = chain.at[0];
    uint8_t spki[SPKI_LEN];
    (void)state;
    assert_true(verify_at(&chain, ca.root, CHAIN_PROGRAM, NOW, &err));
    assert_int_equal(certificate_not_before(leaf), EARLY);
    assert_int_equal(certificate_not_after(leaf), LATE);
    assert_true(certificate_uri(leaf, uri, sizeof(uri)));
    assert_string_equal(uri, URI);
    assert_true(certificate_cmw(leaf, &cmw) && bytes_equal_text(cmw, "attestation result"));
    public_key_spki(certificate_public_key(leaf), spki);
    assert_memory_equal(spki, ca.leaf_spki, SPKI_LEN);
}

static void an_intermediate_as_anchor_ends_the_path(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    (void)state;
    assert_true(verify_at(&chain, ca.tier, CHAIN_PROGRAM, NOW, &err));
}

static void either_of_two_anchors_will_do(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = service_fields(&ca, "store.example");
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_certificate_ struct certificate *next = made_ca("Next", key, 1, NULL, key);
    struct bytes anchors[] = {certificate_der(next), certificate_der(ca.root)};
    (void)state;
    assert_true(chain_verify(&chain, anchors, 2, CHAIN_SERVICE, NOW, &err));
    assert_false(chain_verify(&chain, anchors, 1, CHAIN_SERVICE, NOW, &err));
    assert_refused(&err, "certificate.chain");
    assert_false(chain_verify(&chain, anchors, 0, CHAIN_SERVICE, NOW, &err));
}

static void a_service_without_extended_usage_is_accepted(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = service_fields(&ca, "store.example");
    f.server_auth = false;
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    (void)state;
    assert_true(verify_at(&chain, ca.root, CHAIN_SERVICE, NOW, &err));
}

/* ---- what is refused ---- */

static void expired_and_early_certificates_are_refused(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    (void)state;
    assert_leaf_refused(&f, CHAIN_PROGRAM, LATE + 1, "certificate.expired");
    assert_leaf_refused(&f, CHAIN_PROGRAM, EARLY - 1, "certificate.expired");
    f.not_after = NOW - 1;
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.expired");
    f.not_before = NOW + 1;
    f.not_after = LATE;
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.expired");
}

static void a_wrong_anchor_is_refused(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    _cleanup_key_ struct key *key = key_generate();
    /* The same name, another key. */
    _cleanup_certificate_ struct certificate *impostor = made_ca("Root", key, 1, NULL, key);
    (void)state;
    assert_false(verify_at(&chain, impostor, CHAIN_PROGRAM, NOW, &err));
    assert_refused(&err, "certificate.chain");
}

/* Issuer and leaf of `leaf_uri` under a root that names `root_uri`. */
static bool verify_named(const char *root_uri, const char *leaf_uri, struct idevs_error *err)
{
    uint8_t spki[SPKI_LEN];
    struct certificate_fields f = program_fields(&ca);
    struct chain chain _cleanup_chain_ = {.n = 1};

    key_spki(ca.root_key, spki);
    const struct certificate_fields named = {.subject = "Root",
                                             .spki = spki,
                                             .not_before = EARLY,
                                             .not_after = LATE,
                                             .is_ca = true,
                                             .uri = root_uri};
    _cleanup_certificate_ struct certificate *root = made(&named, NULL, ca.root_key);
    f.uri = leaf_uri;
    chain.at[0] = made(&f, root, ca.root_key);
    return verify_at(&chain, root, CHAIN_PROGRAM, NOW, err);
}

static void an_authority_certifies_within_its_trust_domain_only(void **state)
{
    static const char *const OTHERS[] = {
        "spiffe://example.com/program/free-ride", "spiffe://example.org.evil/program/free-ride",
        "spiffe://example.or/program/free-ride",  "spiffe://EXAMPLE.ORG/program/free-ride",
        "https://example.org/program/free-ride",  "spiffe:example.org/program/free-ride"};
    struct idevs_error err;
    (void)state;
    assert_true(verify_named("spiffe://example.org", URI, &err));
    assert_true(verify_named(NULL, URI, &err));
    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++) {
        assert_false(verify_named("spiffe://example.org", OTHERS[i], &err));
        assert_refused(&err, "certificate.chain");
    }
}

static void a_missing_intermediate_is_refused(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    (void)state;
    certificate_free(chain.at[1]);
    chain.n = 1;
    assert_false(verify_at(&chain, ca.root, CHAIN_PROGRAM, NOW, &err));
    assert_refused(&err, "certificate.chain");
}

static void a_program_outside_its_profile_is_refused(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    (void)state;
    f.client_auth = false; /* no EKU */
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
    f.server_auth = true;
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
    f.client_auth = true; /* both */
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
    f = program_fields(&ca);
    f.uri = NULL;
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
    f.host = "store.example";
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
    f = program_fields(&ca);
    f.cmw = bytes_of("", 0);
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
}

static void two_alternative_names_are_refused(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    char uri[128];
    (void)state;
    f.host = "store.example";
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    assert_false(certificate_uri(chain.at[0], uri, sizeof(uri)));
}

static void a_program_is_no_service_and_a_service_no_program(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    (void)state;
    assert_leaf_refused(&f, CHAIN_SERVICE, NOW, "certificate.malformed");
    f = service_fields(&ca, "store.example");
    assert_leaf_refused(&f, CHAIN_PROGRAM, NOW, "certificate.malformed");
}

static void a_ca_as_leaf_is_refused(void **state)
{
    struct idevs_error err;
    struct chain chain = {.at = {ca.tier}, .n = 1};
    (void)state;
    assert_false(verify_at(&chain, ca.root, CHAIN_SERVICE, NOW, &err));
    assert_refused(&err, "certificate.malformed");
    assert_false(verify_at(&chain, ca.root, CHAIN_PROGRAM, NOW, &err));
}

static void a_leaf_as_ca_is_refused(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = service_fields(&ca, "store.example");
    _cleanup_certificate_ struct certificate *leaf = made(&f, ca.root, ca.root_key);
    _cleanup_key_ struct key *key = key_generate();
    uint8_t spki[SPKI_LEN];
    (void)state;
    key_spki(key, spki);
    f.spki = spki;
    _cleanup_certificate_ struct certificate *below = made(&f, leaf, ca.leaf_key);
    struct chain chain = {.at = {below, leaf}, .n = 2};
    assert_false(verify_at(&chain, ca.root, CHAIN_SERVICE, NOW, &err));
    assert_refused(&err, "certificate.chain");
}

static void a_path_longer_than_its_ca_allows_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_key_ struct key *key = key_generate();
    /* The tier's CA has path length 0: no CA below it. */
    _cleanup_certificate_ struct certificate *sub = made_ca("Sub", key, 0, ca.tier, ca.tier_key);
    struct certificate_fields f = service_fields(&ca, "store.example");
    _cleanup_certificate_ struct certificate *leaf = made(&f, sub, key);
    struct chain chain = {.at = {leaf, sub, ca.tier}, .n = 3};
    (void)state;
    assert_false(verify_at(&chain, ca.root, CHAIN_SERVICE, NOW, &err));
    assert_refused(&err, "certificate.chain");
}

static void an_empty_chain_is_refused(void **state)
{
    struct idevs_error err;
    struct chain chain = {.n = 0};
    (void)state;
    assert_false(verify_at(&chain, ca.root, CHAIN_SERVICE, NOW, &err));
    assert_refused(&err, "certificate.malformed");
}

/* ---- names ---- */

static void hosts_match_as_rfc_6125_says(void **state)
{
    static const struct {
        const char *san, *authority;
        bool match;
    } CASES[] = {
        {"store.example", "store.example", true},
        {"store.example", "store.example:8443", true},
        {"store.example", "other.example", false},
        {"store.example", "a.store.example", false},
        {"store.example", ".example", false},
        {"*.eu.example", "store.eu.example", true},
        {"*.eu.example", "a.store.eu.example", false},
        {"*.eu.example", "eu.example", false},
        {"*.example", "store.example", false},
        {"s*.eu.example", "store.eu.example", false},
        {"127.0.0.1", "127.0.0.1:8443", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"::1", "[::1]:8443", true},
        {"::1", "[::2]", false},
        {"store.example", "", false},
        {"store.example", ":443", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct certificate_fields f = service_fields(&ca, CASES[i].san);
        _cleanup_certificate_ struct certificate *c = made(&f, ca.tier, ca.tier_key);
        if (certificate_names_host(c, CASES[i].authority) != CASES[i].match)
            fail_msg("%s for %s", CASES[i].authority, CASES[i].san);
    }
}

static void the_common_name_is_no_host(void **state)
{
    struct certificate_fields f = service_fields(&ca, NULL);
    (void)state;
    f.subject = "store.example";
    _cleanup_certificate_ struct certificate *c = made(&f, ca.tier, ca.tier_key);
    assert_false(certificate_names_host(c, "store.example"));
}

static void a_uri_that_does_not_fit_is_refused(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    char small[sizeof(URI) - 1];
    char exact[sizeof(URI)];
    _cleanup_certificate_ struct certificate *c = made(&f, ca.tier, ca.tier_key);
    (void)state;
    assert_false(certificate_uri(c, small, sizeof(small)));
    assert_true(certificate_uri(c, exact, sizeof(exact)));
}

static void a_certificate_describes_itself(void **state)
{
    char text[256];
    (void)state;
    certificate_describe(ca.tier, text, sizeof(text));
    assert_non_null(strstr(text, "subject CN=Tier, issuer CN=Root"));
}

/* ---- bytes ---- */

static void trailing_bytes_and_prefixes_are_refused(void **state)
{
    struct idevs_error err;
    struct bytes der = certificate_der(ca.root);
    _cleanup_buffer_ struct buffer longer = buffer_up_to(LIMIT_CERTIFICATE);
    (void)state;
    assert_true(buffer_append_bytes(&longer, der) && buffer_append_u8(&longer, 0));
    assert_null(certificate_parse(buffer_bytes(&longer), &err));
    assert_refused(&err, "certificate.malformed");
    for (size_t n = 0; n < der.len; n++)
        assert_null(certificate_parse(bytes_of(der.data, n), &err));
}

static void every_changed_byte_is_refused(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    struct bytes der = certificate_der(chain.at[0]);
    _cleanup_buffer_ struct buffer copy = buffer_up_to(LIMIT_CERTIFICATE);
    (void)state;
    assert_true(buffer_append_bytes(&copy, der));
    for (size_t i = 0; i < copy.len; i++) {
        struct idevs_error err;
        copy.data[i] ^= 1;
        struct certificate *changed = certificate_parse(buffer_bytes(&copy), &err);
        struct chain other = {.at = {changed, chain.at[1]}, .n = 2};
        if (changed && verify_at(&other, ca.root, CHAIN_PROGRAM, NOW, &err))
            fail_msg("byte %zu", i);
        certificate_free(changed);
        copy.data[i] ^= 1;
    }
}

static void a_chain_survives_pem(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain chain = chain_of(&ca, &f);
    _cleanup_chain_ struct chain again = {.n = 0};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    (void)state;
    assert_true(chain_to_pem(&chain, &pem));
    assert_true(chain_from_pem(buffer_bytes(&pem), &again, &err));
    assert_int_equal(again.n, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(bytes_equal(certificate_der(chain.at[i]), certificate_der(again.at[i])));
}

static void a_pem_with_anything_else_is_refused(void **state)
{
    struct idevs_error err;
    struct chain out;
    struct chain root = {.at = {ca.root}, .n = 1};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CHAIN_BYTES);
    (void)state;
    assert_true(chain_to_pem(&root, &pem));
    assert_false(chain_from_pem(bytes_of_text(" \n"), &out, &err));
    assert_refused(&err, "certificate.malformed");
    assert_true(buffer_append_text(&b, "text\n") && buffer_append_bytes(&b, buffer_bytes(&pem)));
    assert_false(chain_from_pem(buffer_bytes(&b), &out, &err));
    buffer_clear(&b);
    assert_true(buffer_append_bytes(&b, buffer_bytes(&pem)) && buffer_append_text(&b, "text\n"));
    assert_false(chain_from_pem(buffer_bytes(&b), &out, &err));
    buffer_clear(&b);
    assert_true(buffer_append_bytes(&b, buffer_bytes(&pem)) && key_save(ca.leaf_key, &b));
    assert_false(chain_from_pem(buffer_bytes(&b), &out, &err));
    buffer_clear(&b);
    for (int i = 0; i <= LIMIT_CHAIN; i++)
        assert_true(buffer_append_bytes(&b, buffer_bytes(&pem)));
    assert_false(chain_from_pem(buffer_bytes(&b), &out, &err));
}

static void only_the_issuers_key_makes_a_certificate(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CERTIFICATE);
    (void)state;
    assert_false(certificate_make(&f, ca.tier, ca.root_key, &b));
    assert_false(certificate_make(&f, NULL, ca.root_key, &b));
    assert_int_equal(b.len, 0);
}

static void serials_are_of_128_bits_and_differ(void **state)
{
    char a[256];
    char b[256];
    struct certificate_fields f = program_fields(&ca);
    _cleanup_certificate_ struct certificate *one = made(&f, ca.tier, ca.tier_key);
    _cleanup_certificate_ struct certificate *two = made(&f, ca.tier, ca.tier_key);
    (void)state;
    certificate_describe(one, a, sizeof(a));
    certificate_describe(two, b, sizeof(b));
    assert_int_equal(strcspn(a, ","), strlen("serial ") + 32);
    assert_int_equal(strcspn(b, ","), strlen("serial ") + 32);
    assert_memory_not_equal(a, b, strlen("serial ") + 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_of_the_authority_is_accepted),
        cmocka_unit_test(an_intermediate_as_anchor_ends_the_path),
        cmocka_unit_test(either_of_two_anchors_will_do),
        cmocka_unit_test(a_service_without_extended_usage_is_accepted),
        cmocka_unit_test(expired_and_early_certificates_are_refused),
        cmocka_unit_test(a_wrong_anchor_is_refused),
        cmocka_unit_test(an_authority_certifies_within_its_trust_domain_only),
        cmocka_unit_test(a_missing_intermediate_is_refused),
        cmocka_unit_test(a_program_outside_its_profile_is_refused),
        cmocka_unit_test(two_alternative_names_are_refused),
        cmocka_unit_test(a_program_is_no_service_and_a_service_no_program),
        cmocka_unit_test(a_ca_as_leaf_is_refused),
        cmocka_unit_test(a_leaf_as_ca_is_refused),
        cmocka_unit_test(a_path_longer_than_its_ca_allows_is_refused),
        cmocka_unit_test(an_empty_chain_is_refused),
        cmocka_unit_test(hosts_match_as_rfc_6125_says),
        cmocka_unit_test(the_common_name_is_no_host),
        cmocka_unit_test(a_uri_that_does_not_fit_is_refused),
        cmocka_unit_test(a_certificate_describes_itself),
        cmocka_unit_test(trailing_bytes_and_prefixes_are_refused),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(a_chain_survives_pem),
        cmocka_unit_test(a_pem_with_anything_else_is_refused),
        cmocka_unit_test(only_the_issuers_key_makes_a_certificate),
        cmocka_unit_test(serials_are_of_128_bits_and_differ),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

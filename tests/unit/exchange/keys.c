#include "exchange/keys.h"
#include "base/clock.h"
#include "test.h"
#include "wire/httpsig.h"

#include "ca.h"

#include <stdio.h>

#define AUTHORITY "store.example:8443"
#define LIFE      3600

static struct ca ca;
static struct chain chain;
static struct ohttp_key_config config = {.key_id = 3, .public_key = {1, 2, 3}};

static int set_up(void **state)
{
    (void)state;
    ca_make(&ca);
    struct certificate_fields f = service_fields(&ca, "store.example");
    chain = chain_of(&ca, &f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    chain_free(&chain);
    ca_free(&ca);
    return 0;
}

static void make(struct signed_keys *k)
{
    assert_true(signed_keys_make(&config, &chain, ca.leaf_key, NOW, LIFE, k));
}

static bool verify(const struct http_message *m, int64_t now, struct idevs_error *err)
{
    struct ohttp_key_config got;
    struct bytes anchors[] = {certificate_der(ca.root)};

    return signed_keys_verify(m, AUTHORITY, anchors, 1, now, &got, NULL, err);
}

static void assert_unverified(const struct http_message *m, int64_t now, const char *code)
{
    struct idevs_error err;

    assert_false(verify(m, now, &err));
    assert_refused(&err, code);
}

static struct bytes *value_of(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name))
            return &m->fields[i].value;
    fail_msg("no %s", name);
    return NULL;
}

#define _cleanup_keys_ _cleanup_(signed_keys_free)

static void keys_of_the_service_are_accepted(void **state)
{
    struct idevs_error err;
    struct ohttp_key_config got = {0};
    int64_t expires = 0;
    struct bytes anchors[] = {certificate_der(ca.root)};
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    assert_true(signed_keys_verify(&k.message, AUTHORITY, anchors, 1, NOW, &got, &expires, &err));
    assert_int_equal(expires, NOW + LIFE);
    assert_int_equal(got.key_id, 3);
    assert_memory_equal(got.public_key, config.public_key, OHTTP_KEY_LEN);
}

static void a_leaf_alone_needs_no_chain_field(void **state)
{
    struct idevs_error err;
    struct ohttp_key_config got;
    struct chain alone = {.at = {chain.at[0]}, .n = 1};
    struct bytes anchors[] = {certificate_der(ca.tier)};
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&config, &alone, ca.leaf_key, NOW, LIFE, &k));
    assert_int_equal(http_count(&k.message, "idevs-service-cert-chain"), 0);
    assert_true(signed_keys_verify(&k.message, AUTHORITY, anchors, 1, NOW, &got, NULL, &err));
}

static void unsigned_fields_of_the_way_do_no_harm(void **state)
{
    struct idevs_error err;
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    assert_true(http_add(&k.message, "date", bytes_of_text("whenever")));
    assert_true(verify(&k.message, NOW, &err));
}

static void keys_outside_their_window_are_refused(void **state)
{
    struct idevs_error err;
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&config, &chain, ca.leaf_key, NOW, 600, &k));
    assert_true(verify(&k.message, NOW + 600 + LIMIT_CLOCK_SKEW, &err));
    assert_unverified(&k.message, NOW + 601 + LIMIT_CLOCK_SKEW, "keys.signature");
    assert_unverified(&k.message, NOW - 1 - LIMIT_CLOCK_SKEW, "keys.signature");
}

static void a_key_of_low_order_is_refused(void **state)
{
    const struct ohttp_key_config zero = {.key_id = 3};
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&zero, &chain, ca.leaf_key, NOW, LIFE, &k));
    assert_unverified(&k.message, NOW, "keys.signature");
}

static void a_life_over_the_limit_is_not_made(void **state)
{
    struct signed_keys k;
    (void)state;
    assert_false(signed_keys_make(&config, &chain, ca.leaf_key, NOW, LIMIT_KEYS_LIFE + 1, &k));
    assert_false(signed_keys_make(&config, &chain, ca.leaf_key, NOW, 0, &k));
}

static void keys_of_another_service_are_refused(void **state)
{
    struct certificate_fields f = service_fields(&ca, "transport.example");
    _cleanup_chain_ struct chain other = chain_of(&ca, &f);
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&config, &other, ca.leaf_key, NOW, LIFE, &k));
    assert_unverified(&k.message, NOW, "certificate.name");
}

static void keys_under_another_anchor_are_refused(void **state)
{
    struct idevs_error err;
    struct ohttp_key_config got;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_certificate_ struct certificate *other = made_ca("Root", key, 1, NULL, key);
    struct bytes anchors[] = {certificate_der(other)};
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    assert_false(signed_keys_verify(&k.message, AUTHORITY, anchors, 1, NOW, &got, NULL, &err));
    assert_refused(&err, "certificate.chain");
}

static void keys_with_an_expired_certificate_are_refused(void **state)
{
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&config, &chain, ca.leaf_key, LATE - 10, LIFE, &k));
    assert_unverified(&k.message, LATE + 1, "certificate.expired");
}

static void keys_signed_by_another_key_are_refused(void **state)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&config, &chain, key, NOW, LIFE, &k));
    assert_unverified(&k.message, NOW, "keys.signature");
}

static void a_program_cannot_sign_keys(void **state)
{
    struct certificate_fields f = program_fields(&ca);
    _cleanup_chain_ struct chain program = chain_of(&ca, &f);
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    assert_true(signed_keys_make(&config, &program, ca.leaf_key, NOW, LIFE, &k));
    assert_unverified(&k.message, NOW, "certificate.malformed");
}

static void a_signature_under_a_renewed_certificate_is_refused(void **state)
{
    struct certificate_fields f = service_fields(&ca, "store.example");
    _cleanup_chain_ struct chain renewed = chain_of(&ca, &f);
    _cleanup_keys_ struct signed_keys k;
    _cleanup_keys_ struct signed_keys other;
    (void)state;
    make(&k);
    assert_true(signed_keys_make(&config, &renewed, ca.leaf_key, NOW, LIFE, &other));
    *value_of(&k.message, "idevs-service-cert") = *value_of(&other.message, "idevs-service-cert");
    assert_unverified(&k.message, NOW, "keys.signature");
}

static void another_status_or_type_is_refused(void **state)
{
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    k.message.status = 201;
    assert_unverified(&k.message, NOW, "keys.signature");
    k.message.status = 200;
    *value_of(&k.message, "content-type") = bytes_of_text("text/plain");
    assert_unverified(&k.message, NOW, "keys.signature");
}

static void a_signed_answer_of_another_status_is_refused(void **state)
{
    uint8_t signature[ES256_LEN];
    struct httpsig_params p;
    _cleanup_buffer_ struct buffer base = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer field = buffer_up_to(KIB(4));
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    k.message.status = 404;
    assert_true(httpsig_keys_parse(&k.message, &p, signature) &&
                httpsig_keys_base(&k.message, &p, &base) &&
                key_sign(ca.leaf_key, buffer_bytes(&base), signature) &&
                httpsig_signature(HTTPSIG_KEYS_LABEL, signature, &field));
    *value_of(&k.message, "signature") = buffer_bytes(&field);
    assert_unverified(&k.message, NOW, "keys.signature");
}

static void a_missing_or_repeated_field_is_refused(void **state)
{
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    for (size_t i = 0; i < k.message.n_fields; i++) {
        struct http_message m = k.message;
        struct idevs_error err;
        m.fields[m.n_fields++] = m.fields[i];
        assert_false(verify(&m, NOW, &err));
        m = k.message;
        m.fields[i] = m.fields[--m.n_fields];
        assert_false(verify(&m, NOW, &err));
    }
}

static void every_changed_byte_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_keys_ struct signed_keys k;
    (void)state;
    make(&k);
    struct bytes chain_field = *value_of(&k.message, "idevs-service-cert-chain");
    size_t unsigned_from = (size_t)(chain_field.data - k.storage.data);
    for (size_t i = 0; i < unsigned_from; i++) {
        k.storage.data[i] ^= 1;
        if (verify(&k.message, NOW, &err))
            fail_msg("byte %zu", i);
        k.storage.data[i] ^= 1;
    }
    assert_true(verify(&k.message, NOW, &err));
}

/* ---- RFC 9440 ---- */

static void a_chain_survives_its_fields(void **state)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer cert = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_buffer_ struct buffer above = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_chain_ struct chain got = {.n = 0};
    struct chain three = {.at = {chain.at[0], ca.tier, ca.root}, .n = 3};
    (void)state;
    assert_true(client_cert_encode(&three, &cert, &above));
    assert_true(client_cert_decode(buffer_bytes(&cert), buffer_bytes(&above), &got, &err));
    assert_int_equal(got.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(bytes_equal(certificate_der(three.at[i]), certificate_der(got.at[i])));
}

static void fields_of_another_form_are_refused(void **state)
{
    static const char *const AFTER[] = {",", " ", "x", ";a=1", ", :AAAA:", ":"};
    struct idevs_error err;
    struct chain got;
    struct chain alone = {.at = {chain.at[0]}, .n = 1};
    _cleanup_buffer_ struct buffer cert = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_buffer_ struct buffer none = buffer_up_to(LIMIT_CHAIN_BYTES);
    (void)state;
    assert_true(client_cert_encode(&alone, &cert, &none));
    size_t len = cert.len;
    for (size_t i = 0; i < ARRAY_LEN(AFTER); i++) {
        assert_true(buffer_append_text(&cert, AFTER[i]));
        assert_false(client_cert_decode(buffer_bytes(&cert), buffer_bytes(&none), &got, &err));
        assert_refused(&err, "certificate.malformed");
        if (strcmp(AFTER[i], " ") != 0) {
            assert_false(
                client_cert_decode(bytes_of(cert.data, len), buffer_bytes(&cert), &got, &err));
        }
        cert.len = len;
    }
    for (size_t n = 0; n < len; n++)
        assert_false(client_cert_decode(bytes_of(cert.data, n), buffer_bytes(&none), &got, &err));
}

static void more_certificates_than_the_limit_are_refused(void **state)
{
    struct idevs_error err;
    struct chain got;
    _cleanup_buffer_ struct buffer cert = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_buffer_ struct buffer above = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct chain full = {.at = {chain.at[0], ca.tier, ca.tier, ca.root}, .n = 4};
    (void)state;
    assert_true(client_cert_encode(&full, &cert, &above));
    assert_true(client_cert_decode(buffer_bytes(&cert), buffer_bytes(&above), &got, &err));
    chain_free(&got);
    assert_true(buffer_append_text(&above, ",") &&
                buffer_append_bytes(&above, buffer_bytes(&cert)));
    assert_false(client_cert_decode(buffer_bytes(&cert), buffer_bytes(&above), &got, &err));
    assert_refused(&err, "certificate.malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_service_are_accepted),
        cmocka_unit_test(a_leaf_alone_needs_no_chain_field),
        cmocka_unit_test(unsigned_fields_of_the_way_do_no_harm),
        cmocka_unit_test(keys_outside_their_window_are_refused),
        cmocka_unit_test(a_key_of_low_order_is_refused),
        cmocka_unit_test(a_life_over_the_limit_is_not_made),
        cmocka_unit_test(keys_of_another_service_are_refused),
        cmocka_unit_test(keys_under_another_anchor_are_refused),
        cmocka_unit_test(keys_with_an_expired_certificate_are_refused),
        cmocka_unit_test(keys_signed_by_another_key_are_refused),
        cmocka_unit_test(a_program_cannot_sign_keys),
        cmocka_unit_test(a_signature_under_a_renewed_certificate_is_refused),
        cmocka_unit_test(another_status_or_type_is_refused),
        cmocka_unit_test(a_signed_answer_of_another_status_is_refused),
        cmocka_unit_test(a_missing_or_repeated_field_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(a_chain_survives_its_fields),
        cmocka_unit_test(fields_of_another_form_are_refused),
        cmocka_unit_test(more_certificates_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

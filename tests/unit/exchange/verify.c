/* What the gateway verifies of an opened request: one test for each step. */
#include "both.h"

#include "wire/bhttp.h"
#include "wire/httpsig.h"

#include <stdio.h>

static void drop(struct http_message *m, const char *name)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (bytes_equal_text(m->fields[i].name, name)) {
            m->fields[i] = m->fields[--m->n_fields];
            return;
        }
    fail_msg("no %s", name);
}

static void another_scheme_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    b.m.scheme = bytes_of_text("http");
    assert_unverified(&b, "request.authority");
}

static void another_authority_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    assert_false(exchange_verify_request(&b.gateway, &b.m, "transport.example", leaf, NOW, &err));
    assert_refused(&err, "request.authority");
    assert_false(exchange_verify_request(&b.gateway, &b.m, "store.example", leaf, NOW, &err));
    assert_refused(&err, "request.authority");
}

static void a_repeated_field_is_refused(void **state)
{
    static const char *const NAMES[] = {"content-digest",  "content-type", "date",
                                        "idempotency-key", "signature",    "signature-input"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        assert_true(http_add(&b.m, NAMES[i], *value_of(&b.m, NAMES[i])));
        assert_unverified(&b, "request.field");
    }
}

static void an_unsigned_field_is_refused(void **state)
{
    static const char *const NAMES[] = {"cookie", "authorization", "if-match", "client-cert",
                                        "idevs-program"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        assert_true(http_add(&b.m, NAMES[i], bytes_of_text("x")));
        assert_unverified(&b, "request.field");
    }
}

static void a_missing_field_is_refused(void **state)
{
    static const char *const NAMES[] = {"content-digest", "date", "signature", "signature-input"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        drop(&b.m, NAMES[i]);
        assert_unverified(&b, "request.field");
    }
}

static void a_field_taken_away_from_the_signature_is_refused(void **state)
{
    static const char *const NAMES[] = {"content-type", "idempotency-key"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        _cleanup_both_ struct both b;
        begin_post(&b);
        drop(&b.m, NAMES[i]);
        assert_unverified(&b, "request.signature");
    }
}

/* Replaces `from` by `to` (of any length) in a field's value. */
static void edit(struct both *b, const char *name, const char *from, const char *to,
                 struct buffer *room)
{
    struct bytes *value = value_of(&b->m, name);
    const uint8_t *at = memmem(value->data, value->len, from, strlen(from));

    assert_non_null(at);
    size_t before = (size_t)(at - value->data);
    size_t after = value->len - before - strlen(from);
    assert_true(buffer_append(room, value->data, before) && buffer_append_text(room, to) &&
                buffer_append(room, at + strlen(from), after));
    *value = buffer_bytes(room);
}

static void another_form_of_parameters_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } EDITS[] = {
        {"idevs=", "other="},
        {"\"@method\" ", ""},
        {"\"@query\" ", ""},
        {"\"content-digest\" ", ""},
        {"\"date\"", "\"date\" \"date\""},
        {"\"@method\" \"@scheme\"", "\"@scheme\" \"@method\""},
        {";alg=\"ecdsa-p256-sha256\"", ""},
        {"ecdsa-p256-sha256", "hmac-sha256"},
        {"idevs-attested-request-v1", "idevs-attested-request-v2"},
        {";created=", ";created=0"},
        {";created=", "; created="},
        {";tag=", ";x=1;tag="},
        {"idevs=", "a=(), idevs="},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EDITS); i++) {
        _cleanup_both_ struct both b;
        _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
        begin_post(&b);
        edit(&b, "signature-input", EDITS[i].from, EDITS[i].to, &room);
        assert_unverified(&b, "request.signature");
    }
}

static void a_second_signature_label_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
    (void)state;
    begin_post(&b);
    edit(&b, "signature", "idevs=", "other=:AAAA:, idevs=", &room);
    assert_unverified(&b, "request.signature");
}

static void a_request_outside_its_window_is_refused(void **state)
{
    static const struct {
        int64_t now;
        bool good;
    } CASES[] = {
        {NOW - LIMIT_CLOCK_SKEW - 1, false},
        {NOW - LIMIT_CLOCK_SKEW, true},
        {NOW + LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW, true},
        {NOW + LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW + 1, false},
    };
    struct idevs_error err;
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        bool ok = exchange_verify_request(&b.gateway, &b.m, AUTHORITY, leaf, CASES[i].now, &err);
        assert_int_equal(ok, CASES[i].good);
        if (!ok)
            assert_refused(&err, "request.date");
    }
}

static void a_life_longer_than_allowed_is_refused(void **state)
{
    char from[64];
    char to[64];
    static const int64_t EXPIRES[] = {NOW + LIMIT_SIGNATURE_LIFE + 1, NOW, NOW - 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(EXPIRES); i++) {
        _cleanup_both_ struct both b;
        _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
        begin_post(&b);
        snprintf(from, sizeof(from), ";expires=%lld", (long long)(NOW + LIMIT_SIGNATURE_LIFE));
        snprintf(to, sizeof(to), ";expires=%lld", (long long)EXPIRES[i]);
        edit(&b, "signature-input", from, to, &room);
        assert_unverified(&b, "request.date");
    }
}

static void a_date_that_contradicts_the_signature_is_refused(void **state)
{
    char text[HTTP_DATE_LEN + 1];
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    http_date_format(NOW - 3600, text);
    *value_of(&b.m, "date") = bytes_of_text(text);
    assert_unverified(&b, "request.date");
    *value_of(&b.m, "date") = bytes_of_text("yesterday");
    assert_unverified(&b, "request.date");
}

static void a_nonce_of_another_encapsulation_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_both_ struct both one;
    _cleanup_both_ struct both two;
    (void)state;
    begin_post(&one);
    begin_post(&two);
    assert_false(exchange_verify_request(&two.gateway, &one.m, AUTHORITY, leaf, NOW, &err));
    assert_refused(&err, "request.nonce");
}

static void a_keyid_of_another_certificate_is_refused(void **state)
{
    struct idevs_error err;
    struct certificate_fields f = program_fields(&ca);
    /* The same key, certified once more. */
    _cleanup_certificate_ struct certificate *renewed = made(&f, ca.tier, ca.tier_key);
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    assert_false(exchange_verify_request(&b.gateway, &b.m, AUTHORITY, renewed, NOW, &err));
    assert_refused(&err, "request.signature");
}

static void changed_content_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    b.m.content = bytes_of_text("{\"to\":\"there\"}");
    assert_unverified(&b, "request.digest");
    b.m.content = bytes_of("", 0);
    assert_unverified(&b, "request.digest");
}

static void another_digest_algorithm_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    _cleanup_buffer_ struct buffer room = buffer_up_to(2048);
    (void)state;
    begin_post(&b);
    edit(&b, "content-digest", "sha-256=", "sha-512=", &room);
    assert_unverified(&b, "request.digest");
}

static void a_signature_of_another_key_is_refused(void **state)
{
    struct exchange_signer stranger = signer;
    struct http_message m = post();
    struct idevs_error err;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    stranger.key = key;
    buffer_clear(&b.sealed);
    assert_true(exchange_seal_request(&config, &stranger, &m, NOW, NULL, &b.program, &b.sealed));
    assert_true(exchange_open_request(&config, gateway, buffer_bytes(&b.sealed), &b.gateway,
                                      &b.plain, &b.m, &err));
    assert_unverified(&b, "request.signature");
}

static void every_changed_signed_component_is_refused(void **state)
{
    _cleanup_both_ struct both b;
    (void)state;
    begin_post(&b);
    struct bytes *parts[] = {&b.m.method, &b.m.path, value_of(&b.m, "content-type"),
                             value_of(&b.m, "idempotency-key"), value_of(&b.m, "signature")};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct idevs_error err;
        for (size_t j = 0; j < parts[i]->len; j++) {
            uint8_t *at = b.plain.data + (parts[i]->data - b.plain.data) + j;
            *at ^= 1;
            assert_false(verifies(&b, &err));
            *at ^= 1;
        }
        assert_true(verifies(&b, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_scheme_is_refused),
        cmocka_unit_test(another_authority_is_refused),
        cmocka_unit_test(a_repeated_field_is_refused),
        cmocka_unit_test(an_unsigned_field_is_refused),
        cmocka_unit_test(a_missing_field_is_refused),
        cmocka_unit_test(a_field_taken_away_from_the_signature_is_refused),
        cmocka_unit_test(another_form_of_parameters_is_refused),
        cmocka_unit_test(a_second_signature_label_is_refused),
        cmocka_unit_test(a_request_outside_its_window_is_refused),
        cmocka_unit_test(a_life_longer_than_allowed_is_refused),
        cmocka_unit_test(a_date_that_contradicts_the_signature_is_refused),
        cmocka_unit_test(a_nonce_of_another_encapsulation_is_refused),
        cmocka_unit_test(a_keyid_of_another_certificate_is_refused),
        cmocka_unit_test(changed_content_is_refused),
        cmocka_unit_test(another_digest_algorithm_is_refused),
        cmocka_unit_test(a_signature_of_another_key_is_refused),
        cmocka_unit_test(every_changed_signed_component_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* The examples of the RFCs stand in the unit tests as values (tests/unit/rfcNNNN.h), so that they
 * run everywhere. Here: that these values are the published ones, and all of them. */
#include "test.h"
#include "wire/httpsig.h"

#include "published.h"
#include "rfc9180.h"
#include "rfc9292.h"
#include "rfc9421.h"
#include "rfc9458.h"

#include "base/text.h"

struct value {
    const char *name;
    const char *ours;
};

static void assert_same(const json_t *theirs, const struct value *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_string_equal(text(theirs, values[i].name), values[i].ours);
}

static bool is_our_suite(const json_t *one)
{
    return number(one, "mode") == 0 && number(one, "kem_id") == 0x20 &&
           number(one, "kdf_id") == 1 && number(one, "aead_id") == 1;
}

static void same_messages(const json_t *theirs)
{
    assert_int_equal(json_array_size(theirs), ARRAY_LEN(RFC9180_SEALED));
    for (size_t i = 0; i < ARRAY_LEN(RFC9180_SEALED); i++) {
        const struct value VALUES[] = {{"nonce", RFC9180_SEALED[i].nonce},
                                       {"aad", RFC9180_SEALED[i].aad},
                                       {"ct", RFC9180_SEALED[i].ct},
                                       {"pt", RFC9180_PT}};
        assert_same(json_array_get(theirs, i), VALUES, ARRAY_LEN(VALUES));
    }
}

static void same_exports(const json_t *theirs)
{
    assert_int_equal(json_array_size(theirs), ARRAY_LEN(RFC9180_EXPORTS));
    for (size_t i = 0; i < ARRAY_LEN(RFC9180_EXPORTS); i++) {
        const struct value VALUES[] = {{"exporter_context", RFC9180_EXPORTS[i].context},
                                       {"exported_value", RFC9180_EXPORTS[i].value}};
        assert_same(json_array_get(theirs, i), VALUES, ARRAY_LEN(VALUES));
        assert_int_equal(number(json_array_get(theirs, i), "L"), 32);
    }
}

static void the_case_of_rfc_9180_in_our_suite_is_tested(void **state)
{
    static const struct value VALUES[] = {{"info", RFC9180_INFO},
                                          {"skEm", RFC9180_SK_E},
                                          {"skRm", RFC9180_SK_R},
                                          {"pkRm", RFC9180_PK_R},
                                          {"enc", RFC9180_ENC},
                                          {"key", RFC9180_KEY},
                                          {"base_nonce", RFC9180_BASE_NONCE},
                                          {"exporter_secret", RFC9180_EXPORTER}};
    json_t *cases = published("hpke/rfc9180-x25519-p256-sha256.json");
    json_t *one;
    size_t i;
    size_t n = 0;
    (void)state;
    json_array_foreach(cases, i, one)
    {
        if (!is_our_suite(one))
            continue;
        n++;
        assert_same(one, VALUES, ARRAY_LEN(VALUES));
        same_messages(json_object_get(one, "encryptions"));
        same_exports(json_object_get(one, "exports"));
    }
    assert_int_equal(n, 1);
    assert_int_equal(i, 32); /* the others: PSK and authenticated modes, P-256, other AEADs */
    json_decref(cases);
}

static void every_value_of_rfc_9458_appendix_a_is_tested(void **state)
{
    static const struct value VALUES[] = {{"server_secret_key", RFC9458_SERVER_KEY},
                                          {"key_config", RFC9458_KEY_CONFIG},
                                          {"request_bhttp", RFC9458_REQUEST},
                                          {"client_ephemeral_secret", RFC9458_EPHEMERAL},
                                          {"enc", RFC9458_ENC},
                                          {"info", RFC9458_INFO},
                                          {"encapsulated_request", RFC9458_SEALED_REQUEST},
                                          {"response_bhttp", RFC9458_RESPONSE},
                                          {"exported_secret", RFC9458_SECRET},
                                          {"salt", RFC9458_SALT},
                                          {"prk", RFC9458_PRK},
                                          {"aead_key", RFC9458_AEAD_KEY},
                                          {"aead_nonce", RFC9458_AEAD_NONCE},
                                          {"encapsulated_response", RFC9458_SEALED_RESPONSE}};
    json_t *appendix = published("ohttp/rfc9458-appendix-a.json");
    (void)state;
    assert_same(appendix, VALUES, ARRAY_LEN(VALUES));
    assert_int_equal(json_object_size(appendix), ARRAY_LEN(VALUES) + 2); /* suite, source */
    json_decref(appendix);
}

static void every_binary_example_of_rfc_9292_is_tested(void **state)
{
    static const struct value VALUES[] = {{"ex-bink-request", RFC9292_REQUEST},
                                          {"ex-bini-request", RFC9292_INDETERMINATE_REQUEST},
                                          {"ex-bini-response", RFC9292_INFORMATIONAL_RESPONSE},
                                          {"ex-bink-chunked", RFC9292_TRAILER_RESPONSE}};
    json_t *examples = published("bhttp/rfc9292-examples.json");
    json_t *example;
    size_t i;
    size_t n = 0;
    (void)state;
    json_array_foreach(examples, i, example)
    {
        if (!json_object_get(example, "hex"))
            continue; /* HTTP/1.1 text that one of the others encodes */
        assert_true(n < ARRAY_LEN(VALUES));
        assert_string_equal(text(example, "id"), VALUES[n].name);
        assert_string_equal(text(example, "hex"), VALUES[n].ours);
        n++;
    }
    assert_int_equal(n, ARRAY_LEN(VALUES));
    json_decref(examples);
}

/* The bytes between the two lines of dashes. */
static void der_of(const char *pem, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(1024);

    for (const char *p = strchr(pem, '\n'); p && *p != '-'; p++)
        if (*p != '\n')
            assert_true(buffer_append_u8(&body, (uint8_t)*p));
    assert_true(base64_decode(buffer_bytes(&body), ret));
}

static void same_signature(const json_t *one, const json_t *keys)
{
    _cleanup_buffer_ struct buffer signature = buffer_up_to(128);
    _cleanup_buffer_ struct buffer ours = buffer_up_to(128);
    _cleanup_buffer_ struct buffer spki = buffer_up_to(128);
    _cleanup_buffer_ struct buffer our_spki = buffer_up_to(128);

    assert_string_equal(text(one, "signature_base"), RFC9421_RESPONSE_BASE);
    assert_true(base64_decode(bytes_of_text(text(one, "signature_b64")), &signature));
    vector_hex(RFC9421_SIGNATURE, &ours);
    assert_true(bytes_equal(buffer_bytes(&signature), buffer_bytes(&ours)));
    der_of(text(keys, text(one, "keyid")), &spki);
    vector_hex(RFC9421_SPKI, &our_spki);
    assert_true(bytes_equal(buffer_bytes(&spki), buffer_bytes(&our_spki)));
}

/* Their labels and components are not those of our two shapes, whatever their algorithm. */
static void is_refused_by_our_profile(const json_t *one)
{
    struct http_message m = {.status = 200,
                             .method = bytes_of_text("POST"),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text("example.com"),
                             .path = bytes_of_text("/foo?param=Value&Pet=dog")};
    struct httpsig_params params;
    uint8_t signature[HTTPSIG_SIG_LEN];
    char value[1024];

    snprintf(value, sizeof(value), "%s=:%s:", text(one, "label"), text(one, "signature_b64"));
    assert_true(http_add(&m, "signature-input", bytes_of_text(text(one, "signature_input"))));
    assert_true(http_add(&m, "signature", bytes_of_text(value)));
    assert_false(httpsig_request_parse(&m, &params, signature));
    assert_false(httpsig_keys_parse(&m, &params, signature));
}

static void every_case_of_rfc_9421_is_judged(void **state)
{
    json_t *root = published("httpsig/rfc9421-cases.json");
    const json_t *cases = json_object_get(root, "cases");
    json_t *one;
    size_t i;
    size_t n_ecdsa = 0;
    (void)state;
    json_array_foreach(cases, i, one)
    {
        is_refused_by_our_profile(one);
        if (strcmp(text(one, "label"), "sig-b23") == 0)
            assert_string_equal(text(one, "signature_base"), RFC9421_REQUEST_BASE);
        if (strcmp(text(one, "alg"), "ecdsa-p256-sha256") != 0)
            continue;
        same_signature(one, json_object_get(root, "keys"));
        n_ecdsa++;
    }
    assert_int_equal(n_ecdsa, 1);
    assert_int_equal(json_array_size(cases), 6);
    /* B.4: transformed messages, signed in an algorithm that is not ours. */
    assert_string_equal(text(json_object_get(root, "transform"), "keyid"), "test-key-ed25519");
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_case_of_rfc_9180_in_our_suite_is_tested),
        cmocka_unit_test(every_value_of_rfc_9458_appendix_a_is_tested),
        cmocka_unit_test(every_binary_example_of_rfc_9292_is_tested),
        cmocka_unit_test(every_case_of_rfc_9421_is_judged),
    };
    if (!published_is_here("hpke"))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

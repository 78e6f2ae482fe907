/* The HTTP working group's tests of structured fields (RFC 8941, RFC 9651), as far as our two fixed
 * shapes of signatures and our certificates in fields reach: integers and byte sequences. Both are
 * read in one spelling only, which is stricter than the RFC; never more laxly. */
#include "exchange/keys.h"
#include "test.h"
#include "wire/httpsig.h"

#include "published.h"

#define KEYID "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define ZERO_SIG                                                                                   \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

/* As the time `created` of a signed key configuration. */
static bool integer_is_read(const char *raw, int64_t *ret)
{
    struct http_message m = {.status = 200};
    struct httpsig_params p;
    uint8_t signature[HTTPSIG_SIG_LEN];
    char input[512];

    snprintf(input, sizeof(input),
             "idevs-keys=(\"@status\" \"content-type\" \"content-digest\");created=%s;expires=1;"
             "keyid=\"" KEYID "\";alg=\"ecdsa-p256-sha256\";tag=\"idevs-gateway-keys-v1\"",
             raw);
    assert_true(http_add(&m, "signature-input", bytes_of_text(input)));
    assert_true(http_add(&m, "signature", bytes_of_text("idevs-keys=:" ZERO_SIG ":")));
    if (!httpsig_keys_parse(&m, &p, signature))
        return false;
    *ret = p.created;
    return true;
}

/* A plain integer that is not negative, in its canonical spelling. */
static bool is_ours(const json_t *test, const char *raw)
{
    const json_t *value = json_array_get(json_object_get(test, "expected"), 0);
    char canonical[32];

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    snprintf(canonical, sizeof(canonical), "%lld", (long long)json_integer_value(value));
    return strcmp(raw, canonical) == 0;
}

static void integers_are_read_in_their_one_spelling(void **state)
{
    json_t *root = published("structured-fields/number.json");
    json_t *test;
    size_t i;
    size_t n_read = 0;
    (void)state;
    json_array_foreach(root, i, test)
    {
        const char *raw = json_string_value(json_array_get(json_object_get(test, "raw"), 0));
        int64_t got = -1;
        assert_non_null(raw);
        bool read = integer_is_read(raw, &got);
        if (read != is_ours(test, raw))
            fail_msg("%s: '%s' is %sread", text(test, "name"), raw, read ? "" : "not ");
        n_read += read;
        if (read)
            assert_int_equal(
                got, json_integer_value(json_array_get(json_object_get(test, "expected"), 0)));
    }
    assert_int_equal(i, 37);
    assert_int_equal(n_read, 3);
    json_decref(root);
}

/* As Client-Cert. None of them holds a certificate, so all are refused; what is refused as not of
 * RFC 9440 was no byte sequence. */
static bool sequence_is_read(const char *raw)
{
    struct idevs_error err = {0};
    _cleanup_chain_ struct chain chain = {.n = 0};

    assert_false(client_cert_decode(bytes_of_text(raw), bytes_of("", 0), &chain, &err));
    assert_refused(&err, "certificate.malformed");
    return strcmp(err.found, "a field that is not of RFC 9440") != 0;
}

/* What a recipient must read, and more than nothing (`::`), which cannot be a certificate. */
static bool must_be_read(const json_t *test)
{
    const json_t *value = json_array_get(json_object_get(test, "expected"), 0);

    return value && !json_is_true(json_object_get(test, "can_fail")) &&
           text(value, "value")[0] != 0;
}

static void byte_sequences_are_read_in_their_one_spelling(void **state)
{
    json_t *root = published("structured-fields/binary.json");
    json_t *test;
    size_t i;
    size_t n_read = 0;
    (void)state;
    json_array_foreach(root, i, test)
    {
        const char *raw = json_string_value(json_array_get(json_object_get(test, "raw"), 0));
        assert_non_null(raw);
        bool read = json_array_size(json_object_get(test, "raw")) == 1 && sequence_is_read(raw);
        if (read != must_be_read(test))
            fail_msg("%s: '%s' is %sread", text(test, "name"), raw, read ? "" : "not ");
        n_read += read;
    }
    assert_int_equal(i, 15);
    assert_int_equal(n_read, 2);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_in_their_one_spelling),
        cmocka_unit_test(byte_sequences_are_read_in_their_one_spelling),
    };
    if (!published_is_here("structured-fields"))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

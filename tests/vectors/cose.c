/* The COSE working group's examples in ECDSA (RFC 9052, RFC 9053): which of them our profile of
 * COSE_Sign1 reads; and that what we would have signed is what they signed, also where the profile
 * refuses the message around it. */
#include "wire/cose.h"
#include "base/text.h"
#include "crypto/key.h"
#include "crypto/vendor.h"
#include "test.h"
#include "wire/cbor.h"

#include "published.h"

#define SPKI_P256 "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
#define SPKI_P384 "3076301006072a8648ce3d020106052b8104002203620004"

static const struct {
    const char *file;
    bool is_read;  /* by our profile */
    bool verifies; /* under its key, in the algorithms that we have */
} CASES[] = {
    {"sign1-tests_sign-pass-01", false, true}, /* its algorithm is not protected */
    {"sign1-tests_sign-pass-02", true, true},
    {"sign1-tests_sign-pass-03", false, true}, /* no tag */
    {"sign1-tests_sign-fail-01", false, true}, /* another tag */
    {"sign1-tests_sign-fail-02", true, false},
    {"sign1-tests_sign-fail-03", false, false}, /* an unknown algorithm */
    {"sign1-tests_sign-fail-04", false, false}, /* the same as text */
    {"sign1-tests_sign-fail-06", false, false}, /* a content type that is no text, and not signed */
    {"sign1-tests_sign-fail-07", true, false},
    {"ecdsa-examples_ecdsa-sig-01", false, true},  /* a content type that is no text */
    {"ecdsa-examples_ecdsa-sig-02", false, true},  /* ES384 */
    {"ecdsa-examples_ecdsa-sig-03", false, false}, /* ES512 */
    {"ecdsa-examples_ecdsa-sig-04", false, false}, /* ES512 */
    {"ecdsa-examples_ecdsa-01", false, false},     /* COSE_Sign, as the three below */
    {"ecdsa-examples_ecdsa-02", false, false},
    {"ecdsa-examples_ecdsa-03", false, false},
    {"ecdsa-examples_ecdsa-04", false, false},
};

/* The members of any COSE_Sign1, with or without a tag. */
static bool take_apart(struct bytes in, struct cose_sign1 *ret)
{
    struct reader r = reader_of(in);
    uint64_t tag;
    size_t n;

    (void)!cbor_get_tag(&r, &tag);
    if (!cbor_get_array(&r, &n) || n != 4 || !cbor_get_bytes(&r, &ret->protected) ||
        !cbor_skip(&r, NULL) || !cbor_get_bytes(&r, &ret->payload) ||
        !cbor_get_bytes(&r, &ret->signature) || reader_left(&r) != 0)
        return false;
    if (bytes_equal_text(ret->protected, "\xa0")) /* signed as if empty: RFC 9052, 4.4 */
        ret->protected.len = 0;
    return true;
}

static void key_of(const json_t *key, struct buffer *spki)
{
    vector_hex(strcmp(text(key, "crv"), "P-384") == 0 ? SPKI_P384 : SPKI_P256, spki);
    assert_true(base64url_decode(bytes_of_text(text(key, "x")), spki));
    assert_true(base64url_decode(bytes_of_text(text(key, "y")), spki));
}

static bool signature_is_of(struct bytes spki, struct bytes message, struct bytes signature)
{
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_from_spki(spki);

    return key && (vendor_key_verify(key, VENDOR_ES256, message, signature) ||
                   vendor_key_verify(key, VENDOR_ES384, message, signature));
}

static bool verifies(const json_t *example, struct bytes message)
{
    const json_t *sign = json_object_get(json_object_get(example, "input"), "sign0");
    const char *external = json_string_value(json_object_get(sign, "external"));
    struct cose_sign1 m = {0};
    _cleanup_buffer_ struct buffer spki = buffer_up_to(256);
    _cleanup_buffer_ struct buffer aad = buffer_up_to(256);
    _cleanup_buffer_ struct buffer signed_text = buffer_up_to(4096);

    if (!sign || !take_apart(message, &m))
        return false;
    key_of(json_object_get(sign, "key"), &spki);
    vector_hex(external ? external : "", &aad);
    assert_true(cose_to_sign(m.protected, buffer_bytes(&aad), m.payload, &signed_text));
    if (strncmp(text(example, "title"), "sign-fail", 9) != 0) {
        _cleanup_buffer_ struct buffer theirs =
            octets(json_object_get(example, "intermediates"), "ToBeSign_hex");
        assert_true(bytes_equal(buffer_bytes(&signed_text), buffer_bytes(&theirs)));
    }
    return signature_is_of(buffer_bytes(&spki), buffer_bytes(&signed_text), m.signature);
}

static void every_example_is_judged(void **state)
{
    (void)state;
    assert_int_equal(published_count("cose"), ARRAY_LEN(CASES));
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char name[256];
        struct cose_sign1 m;
        snprintf(name, sizeof(name), "cose/%s.json", CASES[i].file);
        json_t *example = published(name);
        _cleanup_buffer_ struct buffer message = octets(json_object_get(example, "output"), "cbor");
        if (cose_decode(buffer_bytes(&message), &m) != CASES[i].is_read)
            fail_msg("%s is %sread", CASES[i].file, CASES[i].is_read ? "not " : "");
        if (verifies(example, buffer_bytes(&message)) != CASES[i].verifies)
            fail_msg("%s %s", CASES[i].file, CASES[i].verifies ? "does not verify" : "verifies");
        json_decref(example);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_example_is_judged)};

    if (!published_is_here("cose"))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

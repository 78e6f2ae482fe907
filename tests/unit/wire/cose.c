#include "wire/cose.h"
#include "test.h"

#include "../vectors.h"
#include "mutate.h"

static const uint8_t SIGNATURE[COSE_SIG_LEN] = {1, 2, 3};

/* What a case appends; the room is the test's. */
static struct bytes made(struct buffer *b, const char *kid)
{
    _cleanup_buffer_ struct buffer protected = buffer_up_to(256);

    assert_true(cose_protected("application/eat+cwt", &protected));
    const struct cose_sign1 m = {.protected = buffer_bytes(&protected),
                                 .kid = bytes_of_text(kid),
                                 .payload = bytes_of_text("payload"),
                                 .signature = bytes_of(SIGNATURE, sizeof(SIGNATURE))};
    assert_true(cose_encode(&m, b));
    return buffer_bytes(b);
}

static bool accepts(struct bytes in)
{
    struct cose_sign1 m;

    if (!cose_decode(in, &m))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(4096);
    assert_true(cose_encode(&m, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void messages_come_back_as_they_went(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    struct cose_sign1 m;
    (void)state;
    assert_true(cose_decode(made(&b, "key-1"), &m));
    assert_true(bytes_equal_text(m.type, "application/eat+cwt"));
    assert_true(bytes_equal_text(m.kid, "key-1"));
    assert_true(bytes_equal_text(m.payload, "payload"));
    assert_true(bytes_equal(m.signature, bytes_of(SIGNATURE, sizeof(SIGNATURE))));
    buffer_clear(&b);
    assert_true(cose_decode(made(&b, ""), &m));
    assert_int_equal(m.kid.len, 0);
}

static void the_protected_header_is_the_profiles(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    (void)state;
    assert_true(cose_protected("a/b", &b));
    assert_true(bytes_equal(buffer_bytes(&b), bytes_of("\xa2\x01\x26\x03\x63"
                                                       "a/b",
                                                       8)));
    buffer_clear(&b);
    assert_true(cose_protected("", &b));
    assert_true(bytes_equal(buffer_bytes(&b), bytes_of("\xa1\x01\x26", 3)));
}

/* The structure of RFC 9052, 4.4, as the examples of its working group have it (their
 * sign1-tests, with a protected header of ours). */
static void what_is_signed_is_rfc_9052s(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(256);
    _cleanup_buffer_ struct buffer want = buffer_up_to(256);
    (void)state;
    vector_hex("846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e",
               &want);
    assert_true(cose_to_sign(bytes_of("\xa1\x01\x26", 3), (struct bytes){0},
                             bytes_of_text("This is the content."), &b));
    assert_true(bytes_equal(buffer_bytes(&b), buffer_bytes(&want)));
}

#define SIG64                                                                                      \
    "58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56" \
    "ed2a223444547e01f11d3b0916e5a4c345cacb36"
#define CONTENT "54546869732069732074686520636f6e74656e742e"

static bool hex_is_accepted(const char *hex)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);

    vector_hex(hex, &b);
    return accepts(buffer_bytes(&b));
}

static void only_the_profile_is_accepted(void **state)
{
    static const char *const BAD[] = {
        "8443a10126a1044231315454686973" SIG64,       /* no tag, short payload */
        "8443a10126a104423131" CONTENT SIG64,         /* no tag */
        "d18443a10126a104423131" CONTENT SIG64,       /* MAC0's tag */
        "d28343a10126a104423131" CONTENT,             /* three members */
        "d28443a10126a104423131f6" SIG64,             /* detached payload */
        "d28444a1013822a104423131" CONTENT SIG64,     /* ES384 */
        "d28440a2012604423131" CONTENT SIG64,         /* no protected header */
        "d28446a20126028103a104423131" CONTENT SIG64, /* critical header */
        "d28445a201260701a104423131" CONTENT SIG64,   /* unknown header */
        "d28445a201260301a104423131" CONTENT SIG64,   /* numeric content type */
        "d28445a201260360a104423131" CONTENT SIG64,   /* empty content type */
        "d28443a10126a10126" CONTENT SIG64,           /* unprotected algorithm */
        "d28443a10126a10440" CONTENT SIG64,           /* empty kid */
        "d28443a10126a104623131" CONTENT SIG64,       /* kid as text */
        "d28443a10126a20442313105"
        "40" CONTENT SIG64,                      /* IV */
        "d28443a10126a104423131" CONTENT "4101", /* short signature */
        "d28444a10126"
        "00"
        "a104423131" CONTENT SIG64, /* bytes after the header */
    };
    (void)state;
    assert_true(hex_is_accepted("d28443a10126a104423131" CONTENT SIG64));
    assert_true(hex_is_accepted("d28443a10126a0" CONTENT SIG64));
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        if (hex_is_accepted(BAD[i]))
            fail_msg("accepted case %zu", i);
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    (void)state;
    made(&b, "key-1");
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
}

static void what_cannot_be_read_is_not_written(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(1024);
    struct cose_sign1 m = {.protected = bytes_of("\xa1\x01\x26", 3),
                           .signature = bytes_of(SIGNATURE, COSE_SIG_LEN - 1)};
    (void)state;
    assert_false(cose_encode(&m, &b));
    m.signature.len++;
    m.protected = bytes_of("\xa1\x01\x27", 3);
    assert_false(cose_encode(&m, &b));
    m.protected = (struct bytes){0};
    assert_false(cose_encode(&m, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_back_as_they_went),
        cmocka_unit_test(the_protected_header_is_the_profiles),
        cmocka_unit_test(what_is_signed_is_rfc_9052s),
        cmocka_unit_test(only_the_profile_is_accepted),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
        cmocka_unit_test(what_cannot_be_read_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

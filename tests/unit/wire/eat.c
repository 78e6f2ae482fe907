#include "wire/eat.h"
#include "test.h"

#include "mutate.h"
#include "wire/cbor.h"
#include <stdio.h>

static struct eat_digest digest_of(uint8_t fill)
{
    struct eat_digest d = {.present = true};

    memset(d.sha256, fill, sizeof(d.sha256));
    return d;
}

static struct eat_claims evidence(void)
{
    struct eat_claims c = {.issued_at = 1700000000,
                           .nonce = {1, 2, 3},
                           .ueid = {1, 9},
                           .hwmodel = "CPU of the host",
                           .hwversion = "0x2b",
                           .swname = "idevs-warden",
                           .swversion = "0.1.0",
                           .debug = EAT_DEBUG_DISABLED,
                           .back_end = "process",
                           .n_cpus = 2,
                           .memory = 67108864,
                           .measured = {.memory_map_summary = "text 1 MiB",
                                        .components = {{"kernel", "Linux 6.1 of the guest", {0}},
                                                       {"command line", "quiet", {0}}},
                                        .n_components = 2},
                           .kernel = "Linux 6.1"};
    c.executable = digest_of(0xe0);
    c.source = digest_of(0x50);
    c.manifest = digest_of(0x3a);
    c.toolchain = digest_of(0x70);
    c.measured.memory_map = digest_of(0x33);
    c.measured.components[0].digest = digest_of(0x34);
    return c;
}

static struct eat_claims result(void)
{
    struct eat_claims c = evidence();

    snprintf(c.tier, sizeof(c.tier), "%s", "isolated");
    snprintf(c.breakers, sizeof(c.breakers), "%s", "root of the host");
    snprintf(c.policy, sizeof(c.policy), "%s", "policy-1");
    memset(c.owner, 'a', 64);
    snprintf(c.reads[0], sizeof(c.reads[0]), "%s", "store.example:8443");
    c.n_reads = 1;
    snprintf(c.writes[0], sizeof(c.writes[0]), "%s", "transport.example");
    snprintf(c.writes[1], sizeof(c.writes[1]), "%s", "[::1]:9000");
    c.n_writes = 2;
    return c;
}

static bool accepts(struct bytes in)
{
    struct eat_claims c;

    if (!eat_decode(in, &c))
        return false;
    _cleanup_buffer_ struct buffer again = buffer_up_to(KIB(16));
    assert_true(eat_encode(&c, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void claims_come_back_as_they_went(void **state)
{
    const struct eat_claims c = result();
    struct eat_claims back;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
    (void)state;
    assert_true(eat_encode(&c, &b));
    assert_true(cbor_is_valid(buffer_bytes(&b)));
    assert_true(eat_decode(buffer_bytes(&b), &back));
    assert_memory_equal(&back, &c, sizeof(c));
}

static void registered_claims_have_their_keys(void **state)
{
    const struct eat_claims c = evidence();
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
    (void)state;
    assert_true(eat_encode(&c, &b));
    /* map(16), iat, nonce */
    assert_memory_equal(b.data, "\xb0\x06\x1a\x65\x53\xf1\x00\x0a\x58\x40\x01\x02\x03", 13);
    /* ueid after the 64 bytes of nonce, dbgstat and measurements further on */
    assert_memory_equal(b.data + 74, "\x19\x01\x00\x58\x21\x01\x09", 7);
    assert_non_null(memmem(b.data, b.len, "\x19\x01\x07\x01", 4));
    assert_non_null(memmem(b.data, b.len, "\x19\x01\x11\x81\x82\x19\xfd\xe8\x58", 9));
}

static void a_binary_upload_has_no_source_and_toolchain(void **state)
{
    struct eat_claims c = evidence();
    struct eat_claims back;
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
    (void)state;
    c.source = c.toolchain = (struct eat_digest){0};
    assert_true(eat_encode(&c, &b));
    assert_true(eat_decode(buffer_bytes(&b), &back));
    assert_false(back.source.present || back.toolchain.present);
    assert_memory_equal(&back.manifest, &c.manifest, sizeof(c.manifest));
}

static void executable_and_manifest_are_always_measured(void **state)
{
    struct eat_claims c = evidence();
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
    (void)state;
    c.executable.present = false;
    assert_false(eat_encode(&c, &b));
    c = evidence();
    c.manifest.present = false;
    assert_false(eat_encode(&c, &b));
}

static void claims_out_of_range_are_not_written(void **state)
{
    struct eat_claims c = evidence();
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
    (void)state;
    c.debug = (enum eat_debug)2;
    assert_false(eat_encode(&c, &b));
    c = evidence();
    memset(c.kernel, 'k', sizeof(c.kernel));
    assert_false(eat_encode(&c, &b));
    c = evidence();
    snprintf(c.kernel, sizeof(c.kernel), "%s", "a\x1b[2Jb");
    assert_false(eat_encode(&c, &b));
    c = result();
    c.n_reads = LIMIT_SERVICES + 1;
    assert_false(eat_encode(&c, &b));
    c = result();
    snprintf(c.writes[1], sizeof(c.writes[1]), "%s", "Not An Authority");
    assert_false(eat_encode(&c, &b));
    c = evidence();
    c.measured.n_components = LIMIT_COMPONENTS + 1;
    assert_false(eat_encode(&c, &b));
    c = evidence();
    c.measured.components[1].text[0] = 0;
    assert_false(eat_encode(&c, &b));
}

/* The encoding of evidence() with one stretch of it replaced. */
static bool accepts_with(struct bytes old, struct bytes new_bytes)
{
    const struct eat_claims c = result();
    _cleanup_buffer_ struct buffer good = buffer_up_to(KIB(16));
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));

    assert_true(eat_encode(&c, &good));
    const uint8_t *at = memmem(good.data, good.len, old.data, old.len);
    assert_non_null(at);
    size_t before = (size_t)(at - good.data);
    assert_true(buffer_append(&b, good.data, before));
    assert_true(buffer_append_bytes(&b, new_bytes));
    assert_true(buffer_append(&b, at + old.len, good.len - before - old.len));
    return accepts(buffer_bytes(&b));
}

#define CASE(old, new)                                                                             \
    {                                                                                              \
        {(const uint8_t *)(old), sizeof(old) - 1},                                                 \
        {                                                                                          \
            (const uint8_t *)(new), sizeof(new) - 1                                                \
        }                                                                                          \
    }

static void anything_else_in_the_claims_is_refused(void **state)
{
    static const struct bytes CASES[][2] = {
        CASE("\x0a\x58\x40", "\x0b\x58\x40"),                 /* no nonce, an unknown claim */
        CASE("\x19\x01\x00\x58\x21", "\x19\x01\x01\x58\x21"), /* no ueid */
        CASE("\x19\x01\x07\x01", "\x19\x01\x07\x02"),         /* dbgstat disabled-since-boot */
        CASE("\x19\x01\x07\x01", "\x19\x01\x07\x21"),
        CASE("\x19\xfd\xe8", "\x19\xfd\xe9"), /* other measurements format */
        CASE("\x3a\x00\x01\x11\x71\x02", "\x3a\x00\x01\x11\x71\x00"), /* n_cpus 0 */
        CASE("\x67process", "\x67pro\0ess"),
        CASE("\x67process", "\x67pro\ness"),
        CASE("\x67process", "\x47process"),
        CASE("\x67process", "\x60"),
        CASE("\x6c"
             "command line",
             "\x66kernel"), /* that name again */
        CASE("\x6c"
             "command line",
             "\x60"),
        CASE("\x82\x6c", "\x83\x6c"),      /* a digest that is not there */
        CASE("\x65quiet", "\x65qu\x1b[m"), /* what a terminal obeys */
        CASE("\x81\x72store.example:8443", "\x80"),
        CASE("\x72store.example:8443", "\x72"
                                       "STORE.example:8443"),
    };
    (void)state;
    assert_true(accepts_with(CASES[6][0], CASES[6][0]));
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        if (accepts_with(CASES[i][0], CASES[i][1]))
            fail_msg("accepted case %zu", i);
}

/* The encoding of evidence() without its pair `without`; false when it has no such pair. */
static bool leave_out(size_t without, struct buffer *b, int64_t *ret_key)
{
    const struct eat_claims c = evidence();
    _cleanup_buffer_ struct buffer good = buffer_up_to(KIB(16));
    struct cbor_map map;
    bool found = false;

    assert_true(eat_encode(&c, &good));
    struct reader r = reader_of(buffer_bytes(&good));
    assert_true(cbor_map_begin(&r, &map) && cbor_put_map(b, map.left - 1));
    for (size_t i = 0; map.left > 0; i++) {
        int64_t key;
        struct bytes value;
        assert_true(cbor_map_next(&map, &key) && cbor_skip(&r, &value));
        if (i == without) {
            *ret_key = key;
            found = true;
        } else {
            assert_true(cbor_put_int(b, key) && buffer_append_bytes(b, value));
        }
    }
    return found;
}

static void claims_that_are_always_there_cannot_be_left_out(void **state)
{
    unsigned n_required = 0;
    (void)state;
    for (size_t i = 0;; i++) {
        int64_t key;
        _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
        if (!leave_out(i, &b, &key))
            break;
        bool required = key == 6 || key == 10 || key == 256 || key == 263 || key == 273;
        if (accepts(buffer_bytes(&b)) == required)
            fail_msg("without claim %lld", (long long)key);
        n_required += required;
    }
    assert_int_equal(n_required, 5);
    assert_false(accepts(bytes_of("\xa0", 1)));
    assert_false(accepts(bytes_of("\xa1\x06\x01", 3)));
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    const struct eat_claims c = result();
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));
    (void)state;
    assert_true(eat_encode(&c, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_come_back_as_they_went),
        cmocka_unit_test(registered_claims_have_their_keys),
        cmocka_unit_test(a_binary_upload_has_no_source_and_toolchain),
        cmocka_unit_test(executable_and_manifest_are_always_measured),
        cmocka_unit_test(claims_out_of_range_are_not_written),
        cmocka_unit_test(anything_else_in_the_claims_is_refused),
        cmocka_unit_test(claims_that_are_always_there_cannot_be_left_out),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "wire/manifest.h"
#include "test.h"

#include "mutate.h"
#include "wire/cbor.h"

#include <stdio.h>

static struct manifest_service service(const char *name, const char *authority)
{
    struct manifest_service s = {.anchors = {{(const uint8_t *)"DER", 3}}, .n_anchors = 1};

    snprintf(s.name, sizeof(s.name), "%s", name);
    snprintf(s.authority, sizeof(s.authority), "%s", authority);
    return s;
}

static struct manifest sample(void)
{
    struct manifest m = {
        .program = "free-ride",
        .every = 5,
        .memory = MIB(64),
        .processes = 1,
        .run_seconds = 600,
        .logs = MANIFEST_LOGS_OWNER,
        .owner_spki = {0x30, 0x59},
        .owner_seal_key = {7},
        .authority_url = "https://authority.example:8440",
        .authority_anchors = {{(const uint8_t *)"root", 4}, {(const uint8_t *)"next", 4}},
        .n_authority_anchors = 2,
        .n_services = 3};
    m.services[0] = service("messaging", "messaging.example:8443");
    m.services[1] = service("store", "store.example:8443");
    m.services[2] = service("transport", "127.0.0.1:9");
    m.services[0].writes = m.services[1].reads = m.services[2].writes = true;
    return m;
}

static bool accepts(struct bytes in)
{
    struct manifest m;
    struct idevs_error err = {0};

    if (!manifest_decode(in, &m, &err)) {
        assert_true(error_is(&err, "manifest.syntax") || error_is(&err, "manifest.value"));
        return false;
    }
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_MANIFEST);
    assert_true(manifest_encode(&m, &again));
    assert_true(bytes_equal(buffer_bytes(&again), in));
    return true;
}

static void manifests_come_back_as_they_went(void **state)
{
    const struct manifest m = sample();
    struct manifest back;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);
    (void)state;
    assert_true(manifest_encode(&m, &b));
    assert_true(cbor_is_valid(buffer_bytes(&b)));
    assert_true(manifest_decode(buffer_bytes(&b), &back, &err));
    assert_string_equal(back.program, "free-ride");
    assert_int_equal(back.every, 5);
    assert_int_equal(back.logs, MANIFEST_LOGS_OWNER);
    assert_string_equal(back.authority_url, m.authority_url);
    assert_int_equal(back.n_authority_anchors, 2);
    assert_true(bytes_equal_text(back.authority_anchors[1], "next"));
    assert_int_equal(back.n_services, 3);
    const struct manifest_service *store = manifest_service(&back, "store");
    assert_non_null(store);
    assert_true(store->reads && !store->writes);
    assert_string_equal(store->authority, "store.example:8443");
    assert_true(bytes_equal_text(store->anchors[0], "DER"));
    assert_null(manifest_service(&back, "stor"));
    assert_true(accepts(buffer_bytes(&b)));
}

static void a_program_without_services_is_a_program(void **state)
{
    struct manifest m = sample();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);
    (void)state;
    m.n_services = 0;
    assert_true(manifest_encode(&m, &b));
    assert_true(accepts(buffer_bytes(&b)));
}

typedef void (*change)(struct manifest *m);

static void no_program(struct manifest *m)
{
    m->program[0] = 0;
}
static void loud_program(struct manifest *m)
{
    m->program[0] = 'F';
}
static void rare(struct manifest *m)
{
    m->every = LIMIT_EVERY_CEILING + 1;
}
static void little_memory(struct manifest *m)
{
    m->memory = MIB(1) - 1;
}
static void much_memory(struct manifest *m)
{
    m->memory = MIB(4096) + 1;
}
static void no_process(struct manifest *m)
{
    m->processes = 0;
}
static void two_processes(struct manifest *m)
{
    m->processes = 2;
}
static void no_time(struct manifest *m)
{
    m->run_seconds = 0;
}
static void long_time(struct manifest *m)
{
    m->run_seconds = LIMIT_RUN_TIME_CEILING + 1;
}
static void odd_logs(struct manifest *m)
{
    m->logs = (enum manifest_logs)3;
}
static void no_anchor(struct manifest *m)
{
    m->n_authority_anchors = 0;
}
static void empty_anchor(struct manifest *m)
{
    m->authority_anchors[1].len = 0;
}
static void no_service_anchor(struct manifest *m)
{
    m->services[1].n_anchors = 0;
}
static void unsorted(struct manifest *m)
{
    m->services[0].name[0] = 'z';
}
static void twice(struct manifest *m)
{
    m->services[1] = m->services[0];
}
static void bad_name(struct manifest *m)
{
    m->services[2].name[0] = '-';
}
static void bad_authority(struct manifest *m)
{
    m->services[2].authority[0] = 0;
}

static void odd_back_end(struct manifest *m)
{
    strcpy(m->back_end, "Process");
}

static void values_out_of_range_are_refused_both_ways(void **state)
{
    static const change CHANGES[] = {
        no_program,        loud_program, rare,      little_memory, much_memory,   no_process,
        two_processes,     no_time,      long_time, odd_logs,      no_anchor,     empty_anchor,
        no_service_anchor, unsorted,     twice,     bad_name,      bad_authority, odd_back_end};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CHANGES); i++) {
        struct manifest m = sample();
        _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);
        CHANGES[i](&m);
        if (manifest_encode(&m, &b))
            fail_msg("change %zu was written", i);
        assert_int_equal(b.len, 0);
    }
}

static void urls_are_https_and_an_authority(void **state)
{
    static const char *const BAD[] = {"",
                                      "https://",
                                      "http://a.example",
                                      "HTTPS://a.example",
                                      "https://a.example/",
                                      "https://a.example/v1",
                                      "https://a.example?x",
                                      "https://a.example#x",
                                      "https://u@a.example",
                                      "https://a.example:0",
                                      "https://A.example",
                                      " https://a.example"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct manifest m = sample();
        _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);
        snprintf(m.authority_url, sizeof(m.authority_url), "%s", BAD[i]);
        if (manifest_encode(&m, &b))
            fail_msg("accepted %s", BAD[i]);
    }
}

static void large_anchors_are_refused(void **state)
{
    static uint8_t der[LIMIT_CERTIFICATE + 1];
    struct manifest m = sample();
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    (void)state;
    m.authority_anchors[0] = bytes_of(der, LIMIT_CERTIFICATE);
    assert_true(manifest_encode(&m, &b));
    m.authority_anchors[0].len++;
    assert_false(manifest_encode(&m, &b));
    /* each within its limit, all together over that of a manifest */
    m.authority_anchors[0].len = LIMIT_CERTIFICATE;
    for (size_t i = 0; i < 3; i++)
        m.services[i].anchors[0] = m.authority_anchors[0];
    buffer_clear(&b);
    assert_false(manifest_encode(&m, &b));
    assert_int_equal(b.len, 0);
}

/* The good encoding with one stretch of it replaced, and what is said of it. */
static void expect_refusal(struct bytes old, struct bytes new_bytes, const char *code)
{
    const struct manifest m = sample();
    struct manifest back;
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer good = buffer_up_to(LIMIT_MANIFEST);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);

    assert_true(manifest_encode(&m, &good));
    const uint8_t *at = memmem(good.data, good.len, old.data, old.len);
    assert_non_null(at);
    size_t before = (size_t)(at - good.data);
    assert_true(buffer_append(&b, good.data, before));
    assert_true(buffer_append_bytes(&b, new_bytes));
    assert_true(buffer_append(&b, at + old.len, good.len - before - old.len));
    assert_false(manifest_decode(buffer_bytes(&b), &back, &err));
    assert_refused(&err, code);
}

#define BYTES(text) bytes_of((text), sizeof(text) - 1)

static void refusals_say_syntax_or_value(void **state)
{
    (void)state;
    expect_refusal(BYTES("\x69"
                         "free-ride"),
                   BYTES("\x69"
                         "free_ride"),
                   "manifest.value");
    expect_refusal(BYTES("\x69"
                         "free-ride"),
                   BYTES("\x69"
                         "free\0ride"),
                   "manifest.syntax");
    expect_refusal(BYTES("\x69"
                         "free-ride"),
                   BYTES("\x49"
                         "free-ride"),
                   "manifest.syntax");
    expect_refusal(BYTES("\x02\x05"), BYTES("\x0c\x05"), "manifest.syntax");
    expect_refusal(BYTES("\x02\x05"), BYTES("\x02\x18\x05"), "manifest.syntax");
    expect_refusal(BYTES("\x04\x01"), BYTES("\x04\x02"), "manifest.value");
    expect_refusal(BYTES("\x06\x01"), BYTES("\x06\x03"), "manifest.value");
    expect_refusal(BYTES("\x65"
                         "store"),
                   BYTES("\x65"
                         "abore"),
                   "manifest.value");
    expect_refusal(BYTES("\x81\x43"
                         "DER"),
                   BYTES("\x80"), "manifest.value");
    expect_refusal(BYTES("\x81\x43"
                         "DER"),
                   BYTES("\x83\x40\x40\x40"), "manifest.syntax");
    expect_refusal(BYTES("\x78\x1ehttps"), BYTES("\x78\x1ehttpz"), "manifest.value");
}

/* With a key 12, which is there only when it says something. */
static void a_back_end_is_named_or_left_out(void **state)
{
    struct manifest m = sample();
    struct manifest back;
    _cleanup_buffer_ struct buffer without = buffer_up_to(LIMIT_MANIFEST);
    _cleanup_buffer_ struct buffer with = buffer_up_to(LIMIT_MANIFEST);

    (void)state;
    assert_true(manifest_encode(&m, &without));
    strcpy(m.back_end, "microvm");
    assert_true(manifest_encode(&m, &with));
    assert_int_equal(with.len, without.len + 9);
    assert_true(manifest_decode(buffer_bytes(&with), &back, NULL));
    assert_string_equal(back.back_end, "microvm");
    assert_no_prefix_is_accepted(buffer_bytes(&with), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&with), accepts);
    with.data[with.len - 8] = 0x60; /* named, but with an empty name */
    with.len -= 7;
    assert_false(manifest_decode(buffer_bytes(&with), &back, NULL));
}

static void prefixes_and_changed_bytes_are_survived(void **state)
{
    const struct manifest m = sample();
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MANIFEST);
    (void)state;
    assert_true(manifest_encode(&m, &b));
    assert_no_prefix_is_accepted(buffer_bytes(&b), accepts);
    assert_no_trailing_byte_is_accepted(buffer_bytes(&b), accepts);
    try_every_single_byte(buffer_bytes(&b), accepts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_come_back_as_they_went),
        cmocka_unit_test(a_back_end_is_named_or_left_out),
        cmocka_unit_test(a_program_without_services_is_a_program),
        cmocka_unit_test(values_out_of_range_are_refused_both_ways),
        cmocka_unit_test(urls_are_https_and_an_authority),
        cmocka_unit_test(large_anchors_are_refused),
        cmocka_unit_test(refusals_say_syntax_or_value),
        cmocka_unit_test(prefixes_and_changed_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

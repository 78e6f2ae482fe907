#include "warden/request.h"
#include "../test.h"
#include "wire/cbor.h"

#define MAP(...)                                                                                   \
    ((struct bytes){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

/* {0: 3, 1: 7, 2: "process"} */
static const uint8_t RUN[] = {0xa3, 0, 3, 1, 7, 2, 0x67, 'p', 'r', 'o', 'c', 'e', 's', 's'};

static bool accepts(struct bytes in, size_t n_fds, enum connection_state state)
{
    struct request q;
    return request_decode(in, n_fds, state, &q);
}

static void the_four_requests_are_read(void **state)
{
    struct request q;

    (void)state;
    assert_true(request_decode(MAP(0xa2, 0, 1, 1, 5), 0, CONNECTION_OPEN, &q));
    assert_int_equal(q.kind, WARDEN_STATUS);
    assert_int_equal(q.id, 5);
    assert_true(request_decode(MAP(0xa2, 0, 2, 1, 6), 2, CONNECTION_OPEN, &q));
    assert_int_equal(q.kind, WARDEN_BUILD);
    assert_true(request_decode(bytes_of(RUN, sizeof(RUN)), 2, CONNECTION_OPEN, &q));
    assert_int_equal(q.kind, WARDEN_RUN);
    assert_string_equal(q.back_end, "process");
    assert_false(q.has_executable);
    uint8_t with_digest[sizeof(RUN) + 3 + SHA256_LEN] = {0};
    memcpy(with_digest, RUN, sizeof(RUN));
    with_digest[0] = 0xa4;
    memcpy(with_digest + sizeof(RUN), "\x03\x58\x20", 3);
    with_digest[sizeof(with_digest) - 1] = 9;
    assert_true(request_decode(bytes_of(with_digest, sizeof(with_digest)), 2, CONNECTION_OPEN, &q));
    assert_true(q.has_executable && q.executable[SHA256_LEN - 1] == 9);
    assert_true(request_decode(MAP(0xa3, 0, 4, 1, 8, 2, 0x18, 42), 0, CONNECTION_OPEN, &q));
    assert_int_equal(q.kind, WARDEN_KILL);
    assert_int_equal(q.run, 42);
}

static const struct {
    const char *what;
    struct bytes in;
    size_t n_fds;
} REFUSED[] = {
    {"an unknown kind", {(const uint8_t[]){0xa2, 0, 5, 1, 5}, 5}, 0},
    {"kind zero", {(const uint8_t[]){0xa2, 0, 0, 1, 5}, 5}, 0},
    {"a huge kind", {(const uint8_t[]){0xa2, 0, 0x1a, 1, 0, 0, 0, 1, 5}, 9}, 0},
    {"the events' id", {(const uint8_t[]){0xa2, 0, 1, 1, 0}, 5}, 0},
    {"an unknown key", {(const uint8_t[]){0xa3, 0, 1, 1, 5, 2, 1}, 7}, 0},
    {"an unknown key behind", {(const uint8_t[]){0xa4, 0, 4, 1, 8, 2, 1, 3, 1}, 9}, 0},
    {"a missing key", {(const uint8_t[]){0xa2, 0, 4, 1, 8}, 5}, 0},
    {"no id", {(const uint8_t[]){0xa1, 0, 1}, 3}, 0},
    {"keys out of order", {(const uint8_t[]){0xa2, 1, 5, 0, 1}, 5}, 0},
    {"a key twice", {(const uint8_t[]){0xa3, 0, 1, 0, 1, 1, 5}, 7}, 0},
    {"a number that is not short", {(const uint8_t[]){0xa2, 0, 0x18, 1, 1, 5}, 6}, 0},
    {"bytes behind", {(const uint8_t[]){0xa2, 0, 1, 1, 5, 0}, 6}, 0},
    {"status with a descriptor", {(const uint8_t[]){0xa2, 0, 1, 1, 5}, 5}, 1},
    {"build without descriptors", {(const uint8_t[]){0xa2, 0, 2, 1, 5}, 5}, 0},
    {"build with one descriptor", {(const uint8_t[]){0xa2, 0, 2, 1, 5}, 5}, 1},
    {"build with three", {(const uint8_t[]){0xa2, 0, 2, 1, 5}, 5}, 3},
    {"an empty back end", {(const uint8_t[]){0xa3, 0, 3, 1, 7, 2, 0x60}, 7}, 2},
    {"a back end with NUL", {(const uint8_t[]){0xa3, 0, 3, 1, 7, 2, 0x62, 'a', 0}, 9}, 2},
    {"a back end that is a number", {(const uint8_t[]){0xa3, 0, 3, 1, 7, 2, 1}, 7}, 2},
    {"a digest of 1 byte", {(const uint8_t[]){0xa4, 0, 3, 1, 7, 2, 0x61, 'a', 3, 0x41, 1}, 11}, 2},
    {"a key behind", {(const uint8_t[]){0xa4, 0, 3, 1, 7, 2, 0x61, 'a', 4, 0x41, 1}, 11}, 2},
    {"a run number of 33 bits",
     {(const uint8_t[]){0xa3, 0, 4, 1, 8, 2, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0}, 15},
     0},
    {"an array", {(const uint8_t[]){0x82, 0, 1}, 3}, 0},
    {"nothing", {(const uint8_t *)"", 0}, 0},
};

static void what_is_not_in_the_table_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++)
        if (accepts(REFUSED[i].in, REFUSED[i].n_fds, CONNECTION_OPEN))
            fail_msg("accepted: %s", REFUSED[i].what);
}

static void a_back_end_too_long_is_refused(void **state)
{
    uint8_t in[7 + LIMIT_BACK_END] = {0xa3, 0, 3, 1, 7, 2, 0x78};

    (void)state;
    for (size_t n = 24; n < LIMIT_BACK_END + 1; n++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(64);
        char name[LIMIT_BACK_END + 1];
        memset(name, 'a', sizeof(name));
        assert_true(buffer_append(&b, in, 6) && cbor_put_text(&b, bytes_of(name, n)));
        assert_int_equal(accepts(buffer_bytes(&b), 2, CONNECTION_OPEN), n < LIMIT_BACK_END);
    }
}

static void truncated_requests_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(RUN); n++)
        assert_false(accepts(bytes_of(RUN, n), 2, CONNECTION_OPEN));
}

static void a_warden_that_ends_begins_nothing(void **state)
{
    (void)state;
    assert_true(accepts(MAP(0xa2, 0, 1, 1, 5), 0, CONNECTION_ENDING));
    assert_true(accepts(MAP(0xa3, 0, 4, 1, 8, 2, 1), 0, CONNECTION_ENDING));
    assert_false(accepts(MAP(0xa2, 0, 2, 1, 6), 2, CONNECTION_ENDING));
    assert_false(accepts(bytes_of(RUN, sizeof(RUN)), 2, CONNECTION_ENDING));
}

static void answers_are_deterministic_cbor(void **state)
{
    const uint8_t digest[SHA256_LEN] = {1};
    const char *back_ends[] = {"process"};
    struct spans spans = {.at = {{"deploy", 5}, {"createCompartment", 7}}, .n = 2};
    struct idevs_error err = {.code = "build.compiler", .found = "exit status 1"};
    const struct request request = {.kind = WARDEN_KILL, .id = 9};
    const struct status_answer status = {1, back_ends, 1, digest, digest, MAP(0x80)};
    const struct status_answer bare = {1, back_ends, 1, NULL, digest, MAP(0x80)};
    const struct build_answer built = {2, digest, digest, bytes_of_text("text"), true, 1, NULL};
    const struct build_answer unbuilt = {2, NULL, digest, bytes_of_text("text"), false, 1, &err};
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_WARDEN_MESSAGE);
    bool ok[8];

    (void)state;
    ok[0] = answer_status(&status, &b);
    for (size_t i = 0; i < ARRAY_LEN(ok); i++) {
        ok[1] = i != 1 || answer_status(&bare, &b);
        ok[2] = i != 2 || answer_build(&built, &b);
        ok[3] = i != 3 || answer_build(&unbuilt, &b);
        ok[4] = i != 4 || answer_run(3, 4, &spans, &b);
        ok[5] = i != 5 || answer_kill(4, &b);
        ok[6] = i != 6 || answer_refusal(&request, &err, &b);
        ok[7] = i != 7 || event_ended(3, "", "ended by itself", &b);
        for (size_t k = 0; k < ARRAY_LEN(ok); k++)
            assert_true(ok[k]);
        assert_true(cbor_is_valid(buffer_bytes(&b)));
        buffer_clear(&b);
    }
}

static void an_answer_past_its_room_is_not_made(void **state)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(8);

    (void)state;
    assert_false(event_ended(3, "compartment.crashed", "signal", &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_requests_are_read),
        cmocka_unit_test(what_is_not_in_the_table_is_refused),
        cmocka_unit_test(a_back_end_too_long_is_refused),
        cmocka_unit_test(truncated_requests_are_refused),
        cmocka_unit_test(a_warden_that_ends_begins_nothing),
        cmocka_unit_test(answers_are_deterministic_cbor),
        cmocka_unit_test(an_answer_past_its_room_is_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

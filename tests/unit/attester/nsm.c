/* Documents by Nitro's device, played: what is asked, what is taken, and, where the enclave's maker
 * is ours, that the verifier takes it. Genuine documents are in tests/vectors/makers.c. */
#include "../test.h"

#include "../evidence/fake_amd.h"

#include "../evidence/fake_aws.h"
#include "accepted.h"
#include "recorded_device.h"

static const uint8_t DATA[REPORT_DATA_LEN] = {1, 2, 3};

static struct fake_aws aws;
static struct buffer made_answer = {.max = LIMIT_NSM_ANSWER};

static int set_up(void **state)
{
    (void)state;
    fake_aws_make(&aws);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_aws_free(&aws);
    buffer_free(&made_answer);
    return 0;
}

/* The nonce of a request that is exactly as expected. */
static struct bytes nonce_of(struct bytes request)
{
    static const char BEGIN[] = "\xa1\x6b"
                                "Attestation\xa3\x65nonce\x58\x40";
    static const char TAIL[] = "\x69user_data\xf6\x6apublic_key\xf6";
    const size_t head = sizeof(BEGIN) - 1;
    const size_t tail = sizeof(TAIL) - 1;

    assert_int_equal(request.len, head + REPORT_DATA_LEN + tail);
    assert_memory_equal(request.data, BEGIN, head);
    assert_memory_equal(request.data + head + REPORT_DATA_LEN, TAIL, tail);
    return bytes_of(request.data + head, REPORT_DATA_LEN);
}

static void answer_with_document(struct bytes request)
{
    _cleanup_buffer_ struct buffer document = buffer_up_to(LIMIT_NSM_ANSWER);

    fake_document(&aws, nonce_of(request), &document);
    buffer_clear(&made_answer);
    device_wrap(buffer_bytes(&document), &made_answer);
    device.answer = buffer_bytes(&made_answer);
}

static void the_verifier_takes_what_the_maker_made(void **state)
{
    const struct nsm nsm = device_of(bytes_of("", 0));
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
    uint8_t other[REPORT_DATA_LEN] = {9};
    struct idevs_error err;

    (void)state;
    device.answers = answer_with_document;
    if (!nsm_make(&nsm, DATA, &made, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_string_equal(made.format, "nitro");
    assert_int_equal(device.n_open, 0);
    if (!is_accepted_under(aws.root, &made, DATA, &err))
        fail_msg("%s: %s", err.code, err.found);
    assert_false(is_accepted_under(aws.root, &made, other, &err));
    assert_refused(&err, "evidence.freshness");
    made.evidence.data[made.evidence.len - 1] ^= 1;
    assert_false(is_accepted_under(aws.root, &made, DATA, &err));
    assert_refused(&err, "evidence.signature");
}

static void is_refused(const struct nsm *nsm, const char *found)
{
    _cleanup_hardware_evidence_ struct hardware_evidence made = {.format = NULL};
    struct idevs_error err;

    assert_false(nsm_make(nsm, DATA, &made, &err));
    assert_refused(&err, "evidence.unavailable");
    if (!strstr(err.found, found))
        fail_msg("'%s' has nothing of '%s'", err.found, found);
    assert_null(made.evidence.data);
    assert_int_equal(device.n_open, 0);
}

static void an_error_of_the_device_is_told(void **state)
{
    const struct nsm nsm = device_of(bytes_of_text("\xa1\x65"
                                                   "Error\x6dInputTooLarge"));

    (void)state;
    is_refused(&nsm, "the device says InputTooLarge");
}

#define ANSWER(octets)                                                                             \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }
#define HEAD                                                                                       \
    "\xa1\x6b"                                                                                     \
    "Attestation\xa1\x68"                                                                          \
    "document"

static void other_answers_are_refused(void **state)
{
    static const struct bytes ANSWERS[] = {
        ANSWER(""),
        ANSWER("\xa0"),           /* an empty map */
        ANSWER("\x60"),           /* a text */
        ANSWER(HEAD "\x40"),      /* an empty document */
        ANSWER(HEAD "\x61x"),     /* a text */
        ANSWER(HEAD "\x58\x01x"), /* not in the shortest form */
        ANSWER(HEAD "\xf6"),      /* null */
        ANSWER("\xa1\x6b"
               "Attestation\xa1\x68"
               "documenu\x41x"),
        ANSWER("\xa1\x6b"
               "attestation\xa1\x68"
               "document\x41x"),
        ANSWER("\xa1\x6b"
               "Attestation\xa0"),
        ANSWER("\xa1\x6b"
               "Attestation\x41x"),
        ANSWER("\xbf\x6b"
               "Attestation\xa1\x68"
               "document\x41x\xff"), /* no length */
        ANSWER("\xa1\x65"
               "Error\xa0"),
        ANSWER("\xa1\x65"
               "Error\x61x\x00"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ANSWERS); i++) {
        const struct nsm nsm = device_of(ANSWERS[i]);
        is_refused(&nsm, "an answer of");
    }
}

static void every_prefix_of_an_answer_and_more_than_it_is_refused(void **state)
{
    uint8_t answer[] = HEAD "\x44"
                            "docu";
    const size_t len = sizeof(answer) - 1;

    (void)state;
    for (size_t n = 0; n <= len + 1; n++) {
        struct bytes document;
        uint8_t *copy = malloc(n ? n : 1); /* so that reading past it is noticed */
        assert_non_null(copy);
        memcpy(copy, answer, n);
        assert_int_equal(nsm_document(bytes_of(copy, n), &document, NULL), n == len);
        if (n == len)
            assert_true(bytes_equal_text(document, "docu"));
        free(copy);
    }
}

static void a_length_that_lies_is_refused(void **state)
{
    const struct nsm nsm = device_of(bytes_of_text("x"));

    (void)state;
    device.claimed_len = LIMIT_NSM_ANSWER + 1;
    is_refused(&nsm, "in 12288");
}

static void a_device_that_fails_is_told_and_closed(void **state)
{
    const struct nsm nsm = device_of(bytes_of_text("x"));

    (void)state;
    device.ask_fails = ETIMEDOUT;
    is_refused(&nsm, "timed out");
}

static void a_machine_without_it_is_told_what_is_missing(void **state)
{
    static const struct {
        int error;
        const char *remedy;
    } CASES[] = {{ENOENT, "enclave"}, {EACCES, "root"}};
    struct idevs_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct nsm nsm = device_of(bytes_of("", 0));
        device.open_fails = CASES[i].error;
        assert_false(nsm_probe(&nsm, &err));
        assert_refused(&err, "evidence.unavailable");
        assert_non_null(strstr(err.remedy, CASES[i].remedy));
        is_refused(&nsm, "/dev/nsm");
    }
    const struct nsm nsm = device_of(bytes_of("", 0));
    assert_true(nsm_probe(&nsm, &err));
    assert_int_equal(device.n_open, 0);
    assert_int_equal(device.n_asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verifier_takes_what_the_maker_made),
        cmocka_unit_test(an_error_of_the_device_is_told),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(every_prefix_of_an_answer_and_more_than_it_is_refused),
        cmocka_unit_test(a_length_that_lies_is_refused),
        cmocka_unit_test(a_device_that_fails_is_told_and_closed),
        cmocka_unit_test(a_machine_without_it_is_told_what_is_missing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#include "test.h"

#include "base/limits.h"
#include "gateway/ledger.h"

#include "folder.h"

#define NOW 1000000

static const struct ledger_key KEY = {"spiffe://a/program/b", "sale-809"};
static const uint8_t DIGEST[SHA256_LEN] = {1};
static const uint8_t OTHER_DIGEST[SHA256_LEN] = {2};

/* One boot of a gateway on the folder. */
struct boot {
    struct key *key;
    struct memory memory;
    struct ledger ledger;
    struct buffer response;
    struct idevs_error err;
};

static void start(struct boot *b, bool honours)
{
    if (!b->key)
        b->key = key_generate();
    assert_true(memory_open(folder, b->key, NULL, &b->memory, &b->err));
    b->ledger = (struct ledger){.vault = &b->memory.vault, .service_honours = honours};
    random_bytes(b->ledger.boot, BOOT_LEN);
    b->response = buffer_up_to(KIB(64));
}

static void stop(struct boot *b)
{
    memory_close(&b->memory);
    buffer_free(&b->response);
}

static void end(struct boot *b)
{
    stop(b);
    key_free(b->key);
}

static enum ledger_verdict begin_with(struct boot *b, const struct ledger_key *key,
                                      const uint8_t *digest, int64_t now)
{
    enum ledger_verdict verdict;

    assert_true(ledger_begin(&b->ledger, b->memory.store, key, digest, now, &verdict, &b->response,
                             &b->err));
    return verdict;
}

static enum ledger_verdict begin(struct boot *b)
{
    return begin_with(b, &KEY, DIGEST, NOW);
}

static void finish(struct boot *b, const char *response)
{
    assert_true(ledger_finish(&b->ledger, b->memory.store, &KEY, bytes_of_text(response), &b->err));
}

static void a_finished_request_is_answered_from_the_ledger(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    finish(&b, "201 trip 7");
    assert_int_equal(begin(&b), LEDGER_REPLAY);
    assert_true(bytes_equal_text(buffer_bytes(&b.response), "201 trip 7"));
    stop(&b);
    start(&b, false); /* and after a restart */
    assert_int_equal(begin(&b), LEDGER_REPLAY);
    assert_true(bytes_equal_text(buffer_bytes(&b.response), "201 trip 7"));
    end(&b);
}

static void other_content_under_the_same_key_is_refused(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, true);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    assert_int_equal(begin_with(&b, &KEY, OTHER_DIGEST, NOW), LEDGER_REFUSED);
    assert_refused(&b.err, "idempotency.mismatch");
    finish(&b, "x");
    assert_int_equal(begin_with(&b, &KEY, OTHER_DIGEST, NOW), LEDGER_REFUSED);
    assert_refused(&b.err, "idempotency.mismatch");
    end(&b);
}

static void a_second_request_meanwhile_is_in_progress(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, true);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    assert_int_equal(begin(&b), LEDGER_REFUSED);
    assert_refused(&b.err, "idempotency.in-progress");
    end(&b);
}

static void the_key_belongs_to_the_program(void **state)
{
    (void)state;
    const struct ledger_key other = {"spiffe://a/program/c", "sale-809"};
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    finish(&b, "x");
    assert_int_equal(begin_with(&b, &other, OTHER_DIGEST, NOW), LEDGER_FORWARD);
    end(&b);
}

static void after_a_crash_in_between_the_outcome_is_unknown(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    stop(&b);
    start(&b, false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(begin(&b), LEDGER_REFUSED);
        assert_refused(&b.err, "outcome.unknown");
    }
    end(&b);
}

static void after_a_crash_a_service_that_honours_the_key_is_asked_again(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, true);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    stop(&b);
    start(&b, true);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    assert_int_equal(begin(&b), LEDGER_REFUSED); /* and is ours now */
    assert_refused(&b.err, "idempotency.in-progress");
    finish(&b, "x");
    assert_int_equal(begin(&b), LEDGER_REPLAY);
    end(&b);
}

static void a_released_intent_is_forgotten(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    assert_true(ledger_release(b.memory.store, &KEY, &b.err));
    assert_int_equal(begin_with(&b, &KEY, OTHER_DIGEST, NOW), LEDGER_FORWARD);
    end(&b);
}

static void a_result_is_never_released(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    finish(&b, "x");
    assert_true(ledger_release(b.memory.store, &KEY, &b.err));
    assert_true(ledger_lost(b.memory.store, &KEY, &b.err));
    assert_int_equal(begin(&b), LEDGER_REPLAY);
    end(&b);
}

static void a_lost_answer_is_an_unknown_outcome_for_as_long_as_it_is_kept(void **state)
{
    (void)state;
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    assert_true(ledger_lost(b.memory.store, &KEY, &b.err));
    assert_int_equal(begin(&b), LEDGER_REFUSED);
    assert_refused(&b.err, "outcome.unknown");
    b.ledger.service_honours = true;
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    end(&b);
}

static void keys_are_kept_for_a_day(void **state)
{
    (void)state;
    struct boot b = {0};
    bool more = true;

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    finish(&b, "x");
    assert_true(ledger_sweep(b.memory.store, NOW + LIMIT_IDEMPOTENCY_LIFE - 1, &more, &b.err));
    assert_false(more);
    assert_int_equal(begin_with(&b, &KEY, DIGEST, NOW + LIMIT_IDEMPOTENCY_LIFE - 1), LEDGER_REPLAY);
    assert_int_equal(begin_with(&b, &KEY, DIGEST, NOW + LIMIT_IDEMPOTENCY_LIFE), LEDGER_FORWARD);
    assert_true(ledger_sweep(b.memory.store, NOW + LIMIT_IDEMPOTENCY_LIFE, &more, &b.err));
    assert_int_equal(begin_with(&b, &KEY, DIGEST, NOW + LIMIT_IDEMPOTENCY_LIFE), LEDGER_REFUSED);
    assert_true(ledger_sweep(b.memory.store, NOW + 2 * LIMIT_IDEMPOTENCY_LIFE, &more, &b.err));
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    end(&b);
}

static void a_stored_response_of_another_key_does_not_open(void **state)
{
    (void)state;
    const struct ledger_key other = {KEY.program, "sale-810"};
    struct boot b = {0};

    start(&b, false);
    assert_int_equal(begin(&b), LEDGER_FORWARD);
    finish(&b, "x");
    struct statement *s = store_prepare(b.memory.store, "UPDATE once SET key = 'sale-810'", &b.err);
    assert_int_equal(statement_step(s, &b.err), STEP_DONE);
    statement_done(s);
    assert_int_equal(begin_with(&b, &other, DIGEST, NOW), LEDGER_REFUSED);
    assert_refused(&b.err, "state.unusable");
    end(&b);
}

static void the_digest_covers_what_the_request_means(void **state)
{
    (void)state;
    struct http_message base = {.method = bytes_of_text("POST"),
                                .path = bytes_of_text("/api/trips"),
                                .content = bytes_of_text("{}")};
    uint8_t first[SHA256_LEN];
    uint8_t second[SHA256_LEN];

    assert_true(http_add(&base, "content-type", bytes_of_text("application/json")));
    ledger_digest(&base, first);
    for (int i = 0; i < 4; i++) {
        struct http_message other = base;
        if (i == 0)
            other.method = bytes_of_text("PUT");
        if (i == 1)
            other.path = bytes_of_text("/api/trips?x");
        if (i == 2)
            other.fields[0].value = bytes_of_text("text/plain");
        if (i == 3)
            other.content = bytes_of_text("{ }");
        ledger_digest(&other, second);
        assert_memory_not_equal(first, second, SHA256_LEN);
    }
    ledger_digest(&base, second);
    assert_memory_equal(first, second, SHA256_LEN);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_finished_request_is_answered_from_the_ledger),
        IN_FOLDER(other_content_under_the_same_key_is_refused),
        IN_FOLDER(a_second_request_meanwhile_is_in_progress),
        IN_FOLDER(the_key_belongs_to_the_program),
        IN_FOLDER(after_a_crash_in_between_the_outcome_is_unknown),
        IN_FOLDER(after_a_crash_a_service_that_honours_the_key_is_asked_again),
        IN_FOLDER(a_released_intent_is_forgotten),
        IN_FOLDER(a_result_is_never_released),
        IN_FOLDER(a_lost_answer_is_an_unknown_outcome_for_as_long_as_it_is_kept),
        IN_FOLDER(keys_are_kept_for_a_day),
        IN_FOLDER(a_stored_response_of_another_key_does_not_open),
        cmocka_unit_test(the_digest_covers_what_the_request_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

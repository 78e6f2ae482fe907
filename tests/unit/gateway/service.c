/* The gateway as a process: what the service sees of an exchange, what the program hears when the
 * service misbehaves, and what survives a crash. */
#include "test.h"

#include "base/fd.h"
#include "crypto/tls_client.h"

#include "world.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct world world;

static int start(void **state)
{
    (void)state;
    world_start(&world, "");
    return 0;
}

static int start_honouring(void **state)
{
    (void)state;
    world_start(&world, "honours_idempotency_key: true\n");
    return 0;
}

static int start_patient(void **state)
{
    (void)state;
    world_start(&world, "upstream_timeout: 2\n");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop(&world);
    return 0;
}

static bool post(const char *path, const char *key, const char *content, struct answer *a)
{
    struct http_message m =
        actor_request("POST", path, key, "application/json", bytes_of_text(content));

    return world_exchange(&world, &m, a);
}

static void assert_problem(const struct answer *a, int status, const char *code,
                           const char *processed)
{
    assert_true(a->sealed);
    assert_int_equal(a->outer, 200);
    assert_string_equal(answer_field(a, "idevs-error"), code);
    assert_int_equal(a->message.status, status);
    assert_string_equal(answer_field(a, "idevs-processed"), processed);
    assert_string_equal(answer_field(a, "content-type"), "application/problem+json");
    assert_int_equal(strlen(answer_field(a, "date")), HTTP_DATE_LEN);
}

static void assert_post_problem(const char *path, const char *key, int status, const char *code,
                                const char *processed)
{
    _cleanup_answer_ struct answer a;

    assert_true(post(path, key, "{}", &a));
    assert_problem(&a, status, code, processed);
}

static void assert_post_status(const char *path, const char *key, int status)
{
    _cleanup_answer_ struct answer a;

    assert_true(post(path, key, "{}", &a));
    assert_true(a.sealed);
    assert_string_equal(answer_field(&a, "idevs-error"), "");
    assert_int_equal(a.message.status, status);
}

static bool content_has(const struct answer *a, const char *text)
{
    return memmem(a->message.content.data, a->message.content.len, text, strlen(text)) != NULL;
}

static void the_service_sees_what_was_verified_and_nothing_else(void **state)
{
    static const char *const ABSENT[] = {"signature", "content-digest", "x-relay",
                                         "evil",      "user-agent",     "date:"};
    (void)state;
    _cleanup_answer_ struct answer a;

    assert_true(post("/echo?x=1", "sale-809", "{\"a\":1}", &a));
    assert_true(a.sealed);
    assert_int_equal(a.message.status, 200);
    assert_true(content_has(&a, "POST /echo?x=1 HTTP/1.1\r\n"));
    assert_true(content_has(&a, "idempotency-key: sale-809\r\n"));
    assert_true(content_has(&a, "content-type: application/json\r\n"));
    assert_true(content_has(&a, "idevs-program: " TEST_PROGRAM "\r\n"));
    assert_true(content_has(&a, "client-cert: :"));
    assert_true(content_has(&a, "\r\n\r\n{\"a\":1}"));
    for (size_t i = 0; i < ARRAY_LEN(ABSENT); i++)
        assert_false(content_has(&a, ABSENT[i]));
}

static void the_program_hears_only_the_fields_that_are_let_through(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a;
    int64_t date;

    assert_true(post("/fields", NULL, "{}", &a));
    assert_int_equal(a.message.status, 201);
    assert_string_equal(answer_field(&a, "etag"), "\"7\"");
    assert_string_equal(answer_field(&a, "location"), "/a/7");
    assert_string_equal(answer_field(&a, "retry-after"), "3");
    assert_string_equal(answer_field(&a, "idevs-error"), "");
    assert_string_equal(answer_field(&a, "idevs-processed"), "");
    assert_int_equal(a.message.n_fields, 4);
    assert_true(http_date_parse(answer_field(&a, "date"), &date));
    assert_in_range(date, clock_unix() - 5, clock_unix());
}

static void refusals_before_the_opening_are_plain(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a;
    _cleanup_answer_ struct answer b;
    struct exchange x = {0};

    assert_true(world_post(&world, &world.program, bytes_of_text("garbage"), &x, &a));
    assert_false(a.sealed);
    assert_int_equal(a.outer, 400);
    assert_string_equal(answer_field(&a, "content-type"), "application/problem+json");
    assert_true(content_has(&a, "exchange.decrypt"));
    struct actor_program foreign;
    actor_program_make(&foreign, &world.service_ca, NULL, clock_unix());
    assert_true(world_post(&world, &foreign, bytes_of_text("garbage"), &x, &b));
    assert_int_equal(b.outer, 403);
    assert_true(content_has(&b, "certificate.chain"));
    actor_program_free(&foreign);
}

static void a_misdirected_request_is_refused_in_the_seal(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a;
    struct http_message m = actor_request("GET", "/ok", NULL, NULL, bytes_of(NULL, 0));

    m.authority = bytes_of_text("other.example");
    assert_true(world_exchange(&world, &m, &a));
    assert_problem(&a, 421, "request.authority", "no");
    assert_int_equal(fake_service_count(&world.service), 0);
}

struct replay {
    pthread_t thread;
    struct bytes sealed;
    const struct exchange *x;
    unsigned status;
};

static void *send_replay(void *context)
{
    struct replay *r = context;
    _cleanup_answer_ struct answer a;

    if (world_post(&world, &world.program, r->sealed, r->x, &a) && a.sealed)
        r->status = a.message.status;
    return NULL;
}

static void of_fifty_replays_in_parallel_one_is_accepted(void **state)
{
    (void)state;
    struct replay all[50];
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    struct http_message m = actor_request("POST", "/count", NULL, NULL, bytes_of(NULL, 0));
    unsigned accepted = 0;

    actor_seal(&world.program, &world.keys, &m, clock_unix(), &x, &sealed);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = (struct replay){.sealed = buffer_bytes(&sealed), .x = &x};
        assert_int_equal(pthread_create(&all[i].thread, NULL, send_replay, &all[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        pthread_join(all[i].thread, NULL);
        assert_true(all[i].status == 201 || all[i].status == 403);
        accepted += all[i].status == 201;
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(fake_service_count(&world.service), 1);
    _cleanup_answer_ struct answer a;
    assert_true(world_post(&world, &world.program, buffer_bytes(&sealed), &x, &a));
    assert_problem(&a, 403, "exchange.claimed", "");
}

static void a_request_of_before_a_restart_cannot_be_opened(void **state)
{
    (void)state;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    _cleanup_answer_ struct answer a;
    struct http_message m = actor_request("POST", "/count", NULL, NULL, bytes_of(NULL, 0));

    actor_seal(&world.program, &world.keys, &m, clock_unix(), &x, &sealed);
    assert_int_equal(world_gateway_end(&world, SIGKILL), -SIGKILL);
    world_gateway_start(&world);
    assert_true(world_post(&world, &world.program, buffer_bytes(&sealed), &x, &a));
    assert_false(a.sealed);
    assert_int_equal(a.outer, 400);
    assert_true(content_has(&a, "exchange.key") || content_has(&a, "exchange.decrypt"));
    assert_int_equal(fake_service_count(&world.service), 0);
}

static void write_once_is_carried_out_once(void **state)
{
    (void)state;

    for (int i = 0; i < 3; i++) {
        _cleanup_answer_ struct answer a;
        if (i == 2) { /* and after a crash too */
            world_gateway_end(&world, SIGKILL);
            world_gateway_start(&world);
        }
        assert_true(post("/count", "sale-809", "{}", &a));
        assert_int_equal(a.message.status, 201);
        assert_true(bytes_equal_text(a.message.content, "1"));
        assert_string_equal(answer_field(&a, "content-type"), "text/plain");
        assert_int_equal(http_count(&a.message, "date"), 1);
    }
    _cleanup_answer_ struct answer other;
    assert_true(post("/count", "sale-809", "{ }", &other));
    assert_problem(&other, 422, "idempotency.mismatch", "no");
    assert_int_equal(fake_service_count(&world.service), 1);
}

static void *send_slow(void *context)
{
    _cleanup_answer_ struct answer a;

    *(bool *)context = post("/slow", "sale-809", "{}", &a);
    return NULL;
}

static void a_second_write_once_meanwhile_is_in_progress(void **state)
{
    (void)state;
    pthread_t thread;
    bool answered = false;

    assert_int_equal(pthread_create(&thread, NULL, send_slow, &answered), 0);
    usleep(100000);
    assert_post_problem("/slow", "sale-809", 409, "idempotency.in-progress", "");
    pthread_join(thread, NULL);
    assert_true(answered);
    assert_post_status("/slow", "sale-809", 200);
    assert_int_equal(fake_service_count(&world.service), 1);
}

static void a_service_that_is_down_got_nothing(void **state)
{
    (void)state;
    unsigned port = world.service.port;

    fake_service_stop(&world.service);
    assert_post_problem("/count", NULL, 503, "service.unreachable", "no");
    assert_post_problem("/count", "sale-809", 503, "service.unreachable", "no");
    fake_service_start(&world.service, port);
    assert_post_status("/count", "sale-809", 201); /* the intent was released */
    assert_post_status("/count", "sale-809", 201);
    assert_int_equal(fake_service_count(&world.service), 1);
}

static void a_write_without_an_answer_has_an_unknown_outcome(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a;

    assert_post_problem("/close", NULL, 504, "outcome.unknown", "");
    assert_post_problem("/hang", NULL, 504, "outcome.unknown", "");
    assert_int_equal(fake_service_count(&world.service), 2);
    assert_true(world_get(&world, "/hang", &a)); /* a read may be asked again in any case */
    assert_problem(&a, 503, "service.unreachable", "");
}

static void an_answer_that_is_none_is_said_to_be_so(void **state)
{
    static const char *const PATHS[] = {"/garbage", "/cut", "/large"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(PATHS); i++) {
        _cleanup_answer_ struct answer a;
        assert_post_problem(PATHS[i], NULL, 502, "service.status", "");
        assert_true(world_get(&world, PATHS[i], &a));
        assert_problem(&a, 502, "service.status", "");
    }
}

static void a_lost_answer_of_write_once_stays_unknown(void **state)
{
    (void)state;

    assert_post_problem("/close", "sale-809", 504, "outcome.unknown", "");
    assert_post_problem("/close", "sale-809", 504, "outcome.unknown", "");
    assert_post_problem("/cut", "sale-810", 502, "service.status", "");
    assert_post_problem("/cut", "sale-810", 504, "outcome.unknown", "");
    assert_int_equal(fake_service_count(&world.service), 2);
}

static void a_service_that_honours_the_key_is_asked_again(void **state)
{
    (void)state;

    assert_post_problem("/close", "sale-809", 504, "outcome.unknown", "");
    assert_post_problem("/close", "sale-809", 504, "outcome.unknown", "");
    assert_post_status("/500", "sale-810", 500);
    assert_post_status("/500", "sale-810", 500);
    assert_post_status("/409", "sale-811", 409);
    assert_post_status("/409", "sale-811", 409);
    assert_int_equal(fake_service_count(&world.service), 6);
    assert_post_status("/404", "sale-812", 404); /* an answer like any other */
    assert_post_status("/404", "sale-812", 404);
    assert_int_equal(fake_service_count(&world.service), 7);
}

static void a_failure_of_another_service_is_its_answer(void **state)
{
    (void)state;

    assert_post_status("/500", "sale-810", 500);
    assert_post_status("/500", "sale-810", 500);
    assert_int_equal(fake_service_count(&world.service), 1);
    assert_post_status("/503", "sale-811", 503); /* says itself that nothing was done */
    assert_post_status("/503", "sale-811", 503);
    assert_post_status("/429", "sale-812", 429);
    assert_post_status("/429", "sale-812", 429);
    assert_int_equal(fake_service_count(&world.service), 5);
}

static void *send_hanging(void *context)
{
    (void)context;
    _cleanup_answer_ struct answer a;
    (void)!post("/hang", "sale-809", "{}", &a);
    return NULL;
}

static void crash_between_intent_and_result(void)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, send_hanging, NULL), 0);
    while (fake_service_count(&world.service) == 0)
        usleep(1000);
    assert_int_equal(world_gateway_end(&world, SIGKILL), -SIGKILL);
    pthread_join(thread, NULL);
    world_gateway_start(&world);
}

static void after_a_crash_in_between_the_outcome_is_unknown(void **state)
{
    (void)state;

    crash_between_intent_and_result();
    assert_post_problem("/hang", "sale-809", 504, "outcome.unknown", "");
    assert_int_equal(fake_service_count(&world.service), 1);
}

static void after_a_crash_a_service_that_honours_the_key_is_asked_again(void **state)
{
    (void)state;

    crash_between_intent_and_result();
    assert_post_problem("/hang", "sale-809", 504, "outcome.unknown", "");
    assert_int_equal(fake_service_count(&world.service), 2);
}

static void put_state(const char *path, const char *content, int status, const char *etag)
{
    _cleanup_answer_ struct answer a;
    struct http_message m =
        actor_request("PUT", path, NULL, "application/octet-stream", bytes_of_text(content));

    assert_true(world_exchange(&world, &m, &a));
    assert_true(a.sealed);
    assert_int_equal(a.message.status, status);
    assert_string_equal(answer_field(&a, "etag"), etag);
    assert_string_equal(answer_field(&a, "idevs-error"), status == 412 ? "state.conflict" : "");
}

static void state_is_compared_and_swapped_and_survives(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer none;
    _cleanup_answer_ struct answer a;

    assert_true(world_get(&world, "/.well-known/idevs/state/cursor", &none));
    assert_true(none.sealed);
    assert_int_equal(none.message.status, 404);
    assert_string_equal(answer_field(&none, "idevs-error"), "");
    put_state("/.well-known/idevs/state/cursor?version=0", "809", 204, "\"1\"");
    put_state("/.well-known/idevs/state/cursor?version=0", "809", 204, "\"1\"");
    put_state("/.well-known/idevs/state/cursor?version=0", "810", 412, "");
    put_state("/.well-known/idevs/state/cursor?version=1", "810", 204, "\"2\"");
    world_gateway_end(&world, SIGKILL);
    world_gateway_start(&world);
    assert_true(world_get(&world, "/.well-known/idevs/state/cursor", &a));
    assert_int_equal(a.message.status, 200);
    assert_string_equal(answer_field(&a, "etag"), "\"2\"");
    assert_true(bytes_equal_text(a.message.content, "810"));
    assert_int_equal(fake_service_count(&world.service), 0);
}

static void nothing_at_rest_is_in_the_clear(void **state)
{
    static const char *const FILES[] = {"gateway.db", "gateway.db-wal"};
    (void)state;
    _cleanup_answer_ struct answer a;

    put_state("/.well-known/idevs/state/cursor?version=0", "MARKER-IN-STATE", 204, "\"1\"");
    assert_true(post("/echo", "sale-809", "MARKER-IN-CONTENT", &a));
    assert_true(content_has(&a, "MARKER"));
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(16));
        char path[128];
        snprintf(path, sizeof(path), "%s/state/%s", world.folder, FILES[i]);
        assert_true(file_read(path, &b, NULL));
        assert_null(memmem(b.data, b.len, "MARKER", 6));
    }
}

static void the_log_names_codes_and_programs_only(void **state)
{
    (void)state;
    _cleanup_buffer_ struct buffer log = buffer_up_to(MIB(1));
    _cleanup_answer_ struct answer a;
    struct http_message m = actor_request("POST", "/MARKER?MARKER", "sale-MARKER", "text/plain",
                                          bytes_of_text("MARKER"));

    m.authority = bytes_of_text("marker.example");
    assert_true(world_exchange(&world, &m, &a));
    assert_post_problem("/garbage?MARKER", "sale-MARKER", 502, "service.status", "");
    kill(world.gateway, SIGUSR1);
    assert_int_equal(world_gateway_end(&world, SIGTERM), 0);
    world_read_log(&world, &log);
    const char *text = (const char *)log.data;
    assert_non_null(strstr(text, "refused code=request.authority program=" TEST_PROGRAM));
    assert_non_null(strstr(text, "verifyCertificate=2x"));
    assert_null(strstr(text, "MARKER"));
    assert_null(strstr(text, "marker"));
}

static void *send_slow_read(void *context)
{
    _cleanup_answer_ struct answer a;

    *(unsigned *)context = world_get(&world, "/slow", &a) && a.sealed ? a.message.status : 0;
    return NULL;
}

static void a_stop_finishes_what_is_in_flight(void **state)
{
    (void)state;
    pthread_t thread;
    unsigned status = 0;
    _cleanup_answer_ struct answer late;

    assert_int_equal(pthread_create(&thread, NULL, send_slow_read, &status), 0);
    usleep(100000);
    assert_int_equal(world_gateway_end(&world, SIGTERM), 0);
    pthread_join(thread, NULL);
    assert_int_equal(status, 200);
    assert_false(world_get(&world, "/ok", &late));
}

/* Handshake, a request, and gone before either is answered. */
static void leave_early(void)
{
    const struct chain anchors = {.at = {world.service_ca.certificate}, .n = 1};
    const struct tls_client_options options = {.anchors = &anchors, .host = TEST_AUTHORITY};
    struct bytes request = bytes_of_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    _cleanup_fd_ int fd = world_connect(&world);
    struct tls_client *c = tls_client_new(fd, &options);
    size_t n;

    assert_int_equal(tls_client_handshake(c), TLS_DONE);
    assert_int_equal(tls_client_write(c, request, &n), TLS_DONE);
    tls_client_free(c);
}

static void clients_that_leave_early_do_not_end_it(void **state)
{
    _cleanup_answer_ struct answer a;

    (void)state;
    for (int i = 0; i < 50; i++)
        leave_early();
    assert_true(world_get(&world, "/ok", &a));
    assert_true(a.sealed);
    assert_int_equal(a.message.status, 200);
}

static void a_body_over_the_limit_is_refused_in_the_seal(void **state)
{
    (void)state;
    static char large[KIB(64) + 2];
    _cleanup_answer_ struct answer a;

    memset(large, 'x', sizeof(large) - 1);
    assert_true(post("/ok", NULL, large, &a));
    assert_problem(&a, 413, "http.body-too-large", "no");
}

static void policy_is_enforced_before_the_service(void **state)
{
    (void)state;
    _cleanup_answer_ struct answer a;
    struct actor_program_fields reader = {.writes = ""};
    struct actor_program whole = world.program;

    actor_program_make(&world.program, &world.tier, &reader, clock_unix());
    assert_post_problem("/count", NULL, 403, "policy.writes", "no");
    actor_program_free(&world.program);
    world.program = whole;
    assert_int_equal(fake_service_count(&world.service), 0);
    assert_true(world_get(&world, "/ok", &a));
    assert_int_equal(a.message.status, 200);
}

static void *send_hanging_read(void *context)
{
    _cleanup_answer_ struct answer a;

    if (world_get(&world, "/hang", &a) && a.sealed && a.message.status == 503)
        atomic_fetch_add((atomic_uint *)context, 1);
    return NULL;
}

static void slow_requests_of_one_program_keep_no_other_waiting(void **state)
{
    (void)state;
    pthread_t threads[LIMIT_CLIENT_PER_HOST + 2];
    atomic_uint n_ended = 0;
    struct actor_program other;
    struct actor_program_fields fields = {.id = "spiffe://free-ride.example/program/other"};
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    _cleanup_answer_ struct answer a;
    struct http_message m = actor_request("GET", "/ok", NULL, NULL, bytes_of(NULL, 0));

    actor_program_make(&other, &world.tier, &fields, clock_unix());
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_hanging_read, &n_ended), 0);
    while (fake_service_count(&world.service) < LIMIT_UPSTREAM_SHARE)
        usleep(10000);
    usleep(300000); /* for all the others to have been asked too */
    actor_seal(&other, &world.keys, &m, clock_unix(), &x, &sealed);
    assert_true(world_post(&world, &other, buffer_bytes(&sealed), &x, &a));
    assert_int_equal(atomic_load(&n_ended), 0);
    assert_int_equal(a.message.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&n_ended), ARRAY_LEN(threads));
    actor_program_free(&other);
}

#define WITH(f, start_function) cmocka_unit_test_setup_teardown(f, start_function, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_service_sees_what_was_verified_and_nothing_else, start),
        WITH(the_program_hears_only_the_fields_that_are_let_through, start),
        WITH(refusals_before_the_opening_are_plain, start),
        WITH(a_misdirected_request_is_refused_in_the_seal, start),
        WITH(of_fifty_replays_in_parallel_one_is_accepted, start),
        WITH(a_request_of_before_a_restart_cannot_be_opened, start),
        WITH(write_once_is_carried_out_once, start),
        WITH(a_second_write_once_meanwhile_is_in_progress, start),
        WITH(a_service_that_is_down_got_nothing, start),
        WITH(a_write_without_an_answer_has_an_unknown_outcome, start),
        WITH(an_answer_that_is_none_is_said_to_be_so, start),
        WITH(a_lost_answer_of_write_once_stays_unknown, start),
        WITH(a_service_that_honours_the_key_is_asked_again, start_honouring),
        WITH(a_failure_of_another_service_is_its_answer, start),
        WITH(after_a_crash_in_between_the_outcome_is_unknown, start),
        WITH(after_a_crash_a_service_that_honours_the_key_is_asked_again, start_honouring),
        WITH(state_is_compared_and_swapped_and_survives, start),
        WITH(nothing_at_rest_is_in_the_clear, start),
        WITH(the_log_names_codes_and_programs_only, start),
        WITH(a_stop_finishes_what_is_in_flight, start),
        WITH(clients_that_leave_early_do_not_end_it, start),
        WITH(a_body_over_the_limit_is_refused_in_the_seal, start),
        WITH(policy_is_enforced_before_the_service, start),
        WITH(slow_requests_of_one_program_keep_no_other_waiting, start_patient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

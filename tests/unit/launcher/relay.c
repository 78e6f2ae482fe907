#include "world.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/server.h"
#include "wire/bhttp.h"
#include "wire/cbor.h"
#include "wire/certificate_request.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct world w;
static struct world_program *program;
static char run[ID_LEN + 1];

static int make(void **state)
{
    (void)state;
    world_make(&w);
    world_add_program(&w, "relayed", 60);
    program = world_run(&w, "relayed", run);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void assert_problem(const struct frame *reply, int status, const char *code)
{
    char wanted[64];

    assert_int_equal(reply->status, status);
    assert_true(bytes_equal_text(reply->type, "application/problem+json"));
    snprintf(wanted, sizeof(wanted), "\"%s\"", code);
    assert_non_null(memmem(reply->body.data, reply->body.len, wanted, strlen(wanted)));
}

static struct frame ask(uint32_t id, const char *target, const char *type, const char *body)
{
    program_ask(program, id, target, type, bytes_of_text(body));
    struct frame reply = program_get(&w, program);
    assert_int_equal(reply.kind, FRAME_REPLY);
    assert_int_equal(reply.id, id);
    return reply;
}

static struct frame exchange(uint32_t id)
{
    return ask(id, "service:store", "message/ohttp-req", "sealed request");
}

static void a_challenge_comes_from_the_authority(void **state)
{
    (void)state;
    struct frame reply = ask(1, "authority:challenge", "", "");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, CHALLENGE_LEN);
}

static void an_exchange_before_any_certificate_is_refused_here(void **state)
{
    (void)state;
    unsigned before = w.n_exchanges;
    struct frame reply = exchange(2);
    assert_problem(&reply, 403, "certificate.expired");
    assert_int_equal(w.n_exchanges, before);
}

static void an_exchange_carries_the_chain_of_the_last_certificate(void **state)
{
    (void)state;
    program_certify(&w, program, clock_unix() + 600);
    struct frame reply = exchange(3);
    assert_int_equal(reply.status, 200);
    assert_true(bytes_equal_text(reply.type, "message/ohttp-res"));
    assert_true(bytes_equal_text(reply.body, "sealed answer"));
    assert_int_equal(w.client_cert[0], ':');
    assert_true(w.saw_chain);
}

static void an_exchange_with_an_expired_chain_is_refused_here(void **state)
{
    (void)state;
    program_certify(&w, program, clock_unix() - 1);
    unsigned before = w.n_exchanges;
    struct frame reply = exchange(4);
    assert_problem(&reply, 403, "certificate.expired");
    assert_int_equal(w.n_exchanges, before);
    program_certify(&w, program, clock_unix() + 600);
}

static void the_certificate_is_the_owners_to_see(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof(path), "/v1/runs/%s/certificate", run);
    struct reply r _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_int_equal(r.status, 200);
    assert_true(bytes_equal(buffer_bytes(&r.body), buffer_bytes(&w.program_chain)));
    struct reply other _cleanup_reply_ =
        world_ask_as(&w, w.stranger, "GET", path, bytes_of_text(""));
    assert_reply(&other, 404, "api.not-found");
}

static void keys_come_with_all_their_fields(void **state)
{
    struct http_message m;
    struct bytes signature;
    (void)state;
    struct frame reply = ask(5, "service-keys:store", "", "");
    assert_int_equal(reply.status, 200);
    assert_true(bytes_equal_text(reply.type, "message/bhttp"));
    assert_true(bhttp_decode_response(reply.body, &m));
    assert_int_equal(m.status, 200);
    assert_true(http_get(&m, "signature", &signature));
    assert_true(bytes_equal_text(signature, "idevs-keys=:AA==:"));
    assert_true(bytes_equal_text(m.content, "keys"));
}

static bool is_held(const struct world *world, const void *key)
{
    (void)key;
    return world->held != NULL;
}

static void a_second_exchange_in_flight_is_refused(void **state)
{
    (void)state;
    w.hold = true;
    program_ask(program, 6, "service:store", "message/ohttp-req", bytes_of_text("first"));
    world_until(&w, is_held, NULL);
    struct frame busy = exchange(7);
    assert_problem(&busy, 503, "launcher.busy");
    w.hold = false;
    server_answer_bytes(w.held, 200, "message/ohttp-res", bytes_of_text("late"));
    w.held = NULL;
    struct frame late = program_get(&w, program);
    assert_int_equal(late.id, 6);
    assert_true(bytes_equal_text(late.body, "late"));
    struct frame next = exchange(8);
    assert_int_equal(next.status, 200);
}

static void what_the_manifest_does_not_name_is_not_reached(void **state)
{
    (void)state;
    struct frame service = ask(9, "service:other", "message/ohttp-req", "x");
    assert_problem(&service, 404, "service.unknown");
    struct frame keys = ask(10, "service-keys:other", "", "");
    assert_problem(&keys, 404, "service.unknown");
    struct frame authority = ask(11, "authority:approvals", "", "");
    assert_problem(&authority, 404, "api.not-found");
    struct frame nothing = ask(12, "nothing", "", "");
    assert_problem(&nothing, 404, "api.not-found");
}

static void an_exchange_of_another_type_is_refused(void **state)
{
    (void)state;
    struct frame reply = ask(13, "service:store", "text/plain", "in the open");
    assert_problem(&reply, 415, "exchange.media-type");
}

static void an_unreachable_service_is_said_so(void **state)
{
    (void)state;
    struct reply put _cleanup_reply_ =
        world_ask_text(&w, "PUT", "/v1/services/store", "{\"url\":\"https://127.0.0.1:1\"}");
    assert_int_equal(put.status, 201);
    struct frame reply = exchange(14);
    assert_problem(&reply, 503, "service.unreachable");
    struct reply gone _cleanup_reply_ = world_ask_text(&w, "DELETE", "/v1/services/store", "");
    assert_int_equal(gone.status, 204);
    struct frame again = exchange(15);
    assert_int_equal(again.status, 200);
}

static void a_message_over_the_limit_ends_the_run(void **state)
{
    char id[ID_LEN + 1];
    uint8_t head[] = {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1};
    (void)state;
    world_add_program(&w, "too-large", 60);
    struct world_program *p = world_run(&w, "too-large", id);
    program_send(p, head, sizeof(head));
    world_wait_state(&w, id, "ended");
}

static void a_malformed_frame_ends_the_run_for_good(void **state)
{
    char id[ID_LEN + 1];
    char path[128];
    (void)state;
    unsigned runs = w.n_runs;
    world_add_program(&w, "malformed", 60);
    struct world_program *p = world_run(&w, "malformed", id);
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    assert_true(frame_encode(&(struct frame){.id = 1, .kind = FRAME_REPLY, .status = 200}, &b));
    program_send(p, b.data, b.len); /* a program replies to nothing */
    world_wait_state(&w, id, "ended");
    assert_int_equal(w.n_runs, runs + 1); /* though it has a schedule */
    snprintf(path, sizeof(path), "/v1/runs/%s", id);
    struct reply r _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(r.json, "error"), "code")),
        "frame.malformed");
}

/* Whoever asks and never reads is not read from either: what is queued for it stays bounded. */
static void a_flood_of_frames_is_bounded(void **state)
{
    char id[ID_LEN + 1];
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    size_t sent = 0;
    (void)state;
    world_add_program(&w, "flood", 60);
    struct world_program *p = world_run(&w, "flood", id);
    while (b.len < KIB(32))
        assert_true(frame_encode(
            &(struct frame){.id = 1, .kind = FRAME_REQUEST, .target = bytes_of_text("nothing")},
            &b));
    for (int i = 0; i < 3000; i++) {
        ssize_t n = send(p->fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0 && (size_t)n < b.len) /* the rest of a frame that was cut */
            break;
        sent += n > 0 ? (size_t)n : 0;
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    assert_in_range(sent, KIB(64), MIB(4));
    struct reply health _cleanup_reply_ = world_ask_text(&w, "GET", "/v1/health", "");
    assert_int_equal(health.status, 200);
}

static void a_spent_budget_is_said_and_given_back(void **state)
{
    char id[ID_LEN + 1];
    (void)state;
    world_kill_launcher(&w);
    w.config.budget = KIB(256);
    world_start_launcher(&w);
    world_add_program(&w, "budget", 60);
    world_turn(&w, 100);
    struct world_program *p = world_run(&w, "budget", id);
    program_certify(&w, p, clock_unix() + 600);
    uint8_t *body = alloc_zero(KIB(512), 1);
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    assert_true(frame_encode(&(struct frame){.id = 20,
                                             .kind = FRAME_REQUEST,
                                             .target = bytes_of_text("service:store"),
                                             .type = bytes_of_text("message/ohttp-req"),
                                             .body = bytes_of(body, KIB(512))},
                             &b));
    free(body);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(p->fd, b.data + at, b.len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at += n > 0 ? (size_t)n : 0;
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    struct frame busy = program_get(&w, p);
    assert_int_equal(busy.id, 20);
    assert_problem(&busy, 503, "launcher.busy");
    program_ask(p, 21, "service:store", "message/ohttp-req", bytes_of_text("small"));
    struct frame fits = program_get(&w, p);
    assert_int_equal(fits.id, 21);
    assert_int_equal(fits.status, 200);
}

static void spans_are_reported(void **state)
{
    char id[ID_LEN + 1];
    char path[128];
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(1));
    (void)state;
    world_add_program(&w, "spans", 60);
    struct world_program *p = world_run(&w, "spans", id);
    assert_true(cbor_put_map(&b, 1) && cbor_put_text(&b, bytes_of_text("exchangeKeys")) &&
                cbor_put_uint(&b, 7000));
    program_ask(p, 1, "report:spans", "application/cbor", buffer_bytes(&b));
    struct frame reply = program_get(&w, p);
    assert_int_equal(reply.status, 204);
    program_ask(p, 2, "report:spans", "application/cbor", bytes_of_text("\x01"));
    reply = program_get(&w, p);
    assert_problem(&reply, 400, "api.field");
    snprintf(path, sizeof(path), "/v1/runs/%s", id);
    struct reply r _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    json_t *spans = json_object_get(r.json, "spans");
    assert_int_equal(json_integer_value(json_object_get(spans, "exchangeKeys")), 7);
    assert_int_equal(json_integer_value(json_object_get(spans, "deploy")), 5000);
    assert_non_null(json_object_get(spans, "retrieveProgram"));
    assert_non_null(json_object_get(spans, "start"));
    assert_null(json_object_get(spans, "run")); /* it has exchanged nothing yet */
}

/* Of a run whose exchanges are behind it; a later one does not change what the start took. */
static void the_start_is_measured_from_asking_the_warden_to_the_first_exchange(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof(path), "/v1/runs/%s", run);
    struct reply before _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    assert_int_equal(exchange(30).status, 200);
    struct reply after _cleanup_reply_ = world_ask_text(&w, "GET", path, "");
    json_t *first = json_object_get(before.json, "spans");
    json_t *second = json_object_get(after.json, "spans");
    json_int_t whole = json_integer_value(json_object_get(first, "run"));
    assert_true(whole > 0);
    assert_true(whole >= json_integer_value(json_object_get(first, "start")));
    assert_int_equal(json_integer_value(json_object_get(second, "run")), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_comes_from_the_authority),
        cmocka_unit_test(an_exchange_before_any_certificate_is_refused_here),
        cmocka_unit_test(an_exchange_carries_the_chain_of_the_last_certificate),
        cmocka_unit_test(an_exchange_with_an_expired_chain_is_refused_here),
        cmocka_unit_test(the_certificate_is_the_owners_to_see),
        cmocka_unit_test(keys_come_with_all_their_fields),
        cmocka_unit_test(a_second_exchange_in_flight_is_refused),
        cmocka_unit_test(what_the_manifest_does_not_name_is_not_reached),
        cmocka_unit_test(an_exchange_of_another_type_is_refused),
        cmocka_unit_test(the_start_is_measured_from_asking_the_warden_to_the_first_exchange),
        cmocka_unit_test(an_unreachable_service_is_said_so),
        cmocka_unit_test(a_message_over_the_limit_ends_the_run),
        cmocka_unit_test(a_malformed_frame_ends_the_run_for_good),
        cmocka_unit_test(a_flood_of_frames_is_bounded),
        cmocka_unit_test(a_spent_budget_is_said_and_given_back),
        cmocka_unit_test(spans_are_reported),
    };
    return cmocka_run_group_tests(tests, make, end);
}

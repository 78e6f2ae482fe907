/* The retry rule, seen from the gateway: what is sent again, and what never is. */
#include "program.h"

#include "runtime/credentials.h"

#include <stdio.h>

static struct idevs_reply reply;

static int do_read(void)
{
    return idevs_read(ip, "store", "/api/sales?after=1", &reply);
}

static int do_write(void)
{
    return idevs_write(ip, "transport", "/api/trips", "text/plain", "trip", 4, &reply);
}

static int do_write_once(void)
{
    return idevs_write_once(ip, "transport", "/api/trips", "sale-1", "text/plain", "trip", 4,
                            &reply);
}

static const char *last_code(void)
{
    return idevs_last_error(ip)->code;
}

static unsigned n_carried_out(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < peer.n_exchanges; i++)
        n += peer.seen[i].carried_out;
    return n;
}

static void a_read_and_a_write_are_answered(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(do_read(), 0);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "text/plain");
    assert_string_equal((const char *)reply.body, "GET /api/sales?after=1 ");
    assert_int_equal(reply.body_len, strlen((const char *)reply.body));
    assert_int_equal(do_write(), 0);
    assert_string_equal((const char *)reply.body, "POST /api/trips trip");
}

static void a_services_error_status_is_an_answer(void **state)
{
    (void)state;
    peer.steps[0].status = 404;
    peer.steps[1].status = 503;
    open_program();
    assert_int_equal(do_read(), 0);
    assert_int_equal(reply.status, 404);
    assert_int_equal(do_write_once(), 0);
    assert_int_equal(reply.status, 503);
}

/* Everything after which nobody can know whether the request was carried out. */
static const struct peer_step UNBELIEVED[] = {
    {.action = PEER_PLAIN, .code = "request.date"},
    {.action = PEER_PLAIN_AFTER, .code = "request.date"},
    {.action = PEER_PLAIN, .code = "exchange.key"},
    {.action = PEER_PLAIN_AFTER, .code = "exchange.key"},
    {.action = PEER_PLAIN_AFTER, .code = "launcher.busy"},
    {.action = PEER_PLAIN_AFTER, .code = "no such code"},
    {.action = PEER_SILENT},
    {.action = PEER_GARBAGE},
    {.action = PEER_OVERSIZE},
    {.action = PEER_REFUSE, .code = "exchange.claimed", .not_processed = true},
    {.action = PEER_REFUSE, .code = "exchange.full", .not_processed = true},
    {.action = PEER_REFUSE, .code = "certificate.key", .not_processed = true},
    {.action = PEER_REFUSE, .code = "service.unreachable"},
    {.action = PEER_REFUSE, .code = "outcome.unknown"},
    /* Sealed, but shown after an earlier delivery of the same request may have got through. */
    {.action = PEER_REFUSE, .code = "request.date", .not_processed = true},
    {.action = PEER_REFUSE, .code = "request.date"},
    /* The same bytes again, with another certificate beside them. */
    {.action = PEER_REFUSE, .code = "request.signature"},
    {.action = PEER_REFUSE, .code = "certificate.malformed"},
    {.action = PEER_REFUSE, .code = "policy.program"},
    {.action = PEER_REFUSE, .code = "service.status"},
    {.action = PEER_REFUSE, .code = "of.another-version"},
};

static void a_plain_write_is_never_sent_twice_on_what_proves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(UNBELIEVED); i++) {
        if (i > 0)
            begin(NULL);
        peer.steps[0] = UNBELIEVED[i];
        open_program();
        assert_int_equal(do_write(), -1);
        assert_string_equal(last_code(), "outcome.unknown");
        assert_int_equal(peer.n_exchanges, 1);
        if (i + 1 < ARRAY_LEN(UNBELIEVED))
            end(NULL);
    }
}

static void what_may_be_repeated_is_repeated_under_another_encapsulation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(UNBELIEVED); i++) {
        if (UNBELIEVED[i].action == PEER_OVERSIZE)
            continue; /* it would be as large again */
        if (i > 0)
            begin(NULL);
        peer.steps[0] = UNBELIEVED[i];
        open_program();
        assert_int_equal(do_write_once(), 0);
        assert_int_equal(peer.n_exchanges, 2);
        assert_string_equal(peer.seen[0].key, "sale-1");
        assert_string_equal(peer.seen[1].key, "sale-1");
        assert_string_equal(peer.seen[0].body, peer.seen[1].body);
        assert_memory_not_equal(peer.seen[0].enc, peer.seen[1].enc, HPKE_ENC_LEN);
        if (i + 1 < ARRAY_LEN(UNBELIEVED))
            end(NULL);
    }
}

static void the_answer_to_another_request_is_refused(void **state)
{
    (void)state;
    peer.steps[1].action = PEER_OLD_ANSWER;
    peer.steps[3].action = PEER_OLD_ANSWER;
    open_program();
    assert_int_equal(do_write(), 0);
    assert_int_equal(idevs_write(ip, "transport", "/api/trips", "text/plain", "two", 3, &reply),
                     -1);
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(do_write(), 0);
    assert_int_equal(idevs_read(ip, "store", "/mine", &reply), 0);
    assert_string_equal((const char *)reply.body, "GET /mine ");
}

static void an_oversize_answer_is_refused_and_the_next_call_works(void **state)
{
    (void)state;
    peer.steps[0].action = PEER_OVERSIZE;
    open_program();
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "http.body-too-large");
    assert_int_equal(do_read(), 0);
}

static void an_oversize_answer_to_a_write_once_proves_nothing(void **state)
{
    (void)state;
    peer.steps[0].action = PEER_OVERSIZE;
    open_program();
    assert_int_equal(do_write_once(), -1);
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(peer.n_exchanges, 1);
    assert_int_equal(n_carried_out(), 1);
}

static int answer_after_13_hours(const char *method, const char *path, const char *content,
                                 char *body, size_t size)
{
    (void)method, (void)path, (void)content;
    peer_progress_shift_ns += UINT64_C(13) * 3600 * 1000000000;
    snprintf(body, size, "late");
    return 200;
}

static void a_write_once_is_not_repeated_until_its_key_is_forgotten(void **state)
{
    (void)state;
    peer.life = INT64_C(48) * 3600;
    peer.answer = answer_after_13_hours;
    peer.steps[0] = (struct peer_step){.action = PEER_PLAIN_AFTER, .code = "http.busy"};
    open_program();
    assert_int_equal(do_write_once(), -1);
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(n_carried_out(), 1);
}

static void a_service_that_was_not_reached_gets_a_plain_write_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        peer.steps[i] = (struct peer_step){
            .action = PEER_REFUSE, .code = "service.unreachable", .not_processed = true};
    open_program();
    assert_int_equal(do_write(), 0);
    assert_int_equal(peer.n_exchanges, 4);
    assert_int_equal(n_carried_out(), 1);
}

static void a_key_in_progress_is_asked_again(void **state)
{
    (void)state;
    peer.steps[0] = (struct peer_step){.action = PEER_REFUSE, .code = "idempotency.in-progress"};
    open_program();
    assert_int_equal(do_write_once(), 0);
    assert_int_equal(peer.n_exchanges, 2);
}

static void a_gateway_that_never_knows_is_not_asked_for_ever(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEER_STEPS; i++)
        peer.steps[i] = (struct peer_step){.action = PEER_REFUSE, .code = "outcome.unknown"};
    open_program();
    assert_int_equal(do_write_once(), -1);
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(peer.n_exchanges, 5);
}

static void a_refusal_that_repeating_does_not_mend_is_final(void **state)
{
    static const char *const CODES[] = {"policy.program", "idempotency.mismatch", "request.field",
                                        "policy.path"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
        peer.steps[i] =
            (struct peer_step){.action = PEER_REFUSE, .code = CODES[i], .not_processed = true};
    open_program();
    for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
        assert_int_equal(i % 2 ? do_write_once() : do_write(), -1);
        assert_string_equal(last_code(), CODES[i]);
        assert_true(idevs_last_error(ip)->remedy[0] != 0);
    }
    assert_int_equal(peer.n_exchanges, ARRAY_LEN(CODES));
}

static void a_read_is_told_every_refusal(void **state)
{
    (void)state;
    peer.steps[0] = (struct peer_step){.action = PEER_REFUSE, .code = "policy.program"};
    open_program();
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "policy.program");
}

static void what_the_gateway_found_is_said_whatever_its_problem_looks_like(void **state)
{
    static const struct {
        const char *problem;
        const char *found;
    } CASES[] = {
        {"{\"code\":\"policy.tier\",\"found\":\"tier development\"}", ": tier development"},
        {"{\"title\":\"\\\"found\\\": \\\"no\\\"\", \"found\" : \"a\\nb\x1b[1m\"}", ": a\\nb?[1m"},
        {"{\"found\":\"without an end", ": without an end"},
        {"{\"found\":\"\"}", ""},
        {"{\"found\":7}", ""},
        {"\"found\"", ""},
        {NULL, ""},
    };
    char wanted[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        peer.steps[i] = (struct peer_step){
            .action = PEER_REFUSE, .code = "policy.tier", .problem = CASES[i].problem};
    open_program();
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_int_equal(do_read(), -1);
        snprintf(wanted, sizeof(wanted), "the gateway of store refused with status 403%s",
                 CASES[i].found);
        assert_string_equal(idevs_last_error(ip)->found, wanted);
    }
}

static void refusals_that_prove_nothing_do_not_hold_up_write_once_for_ever(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEER_STEPS; i++)
        peer.steps[i] = (struct peer_step){.action = PEER_REFUSE, .code = "request.signature"};
    open_program();
    assert_int_equal(do_write_once(), -1);
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(peer.n_exchanges, 5);
}

static void not_processed_is_not_said_of_an_earlier_sending(void **state)
{
    (void)state;
    peer.steps[0].action = PEER_SILENT;
    peer.steps[1] =
        (struct peer_step){.action = PEER_REFUSE, .code = "policy.program", .not_processed = true};
    open_program();
    assert_int_equal(do_write_once(), -1);
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(peer.n_exchanges, 2);
}

static void a_plain_write_that_the_service_spoiled_is_unknown(void **state)
{
    (void)state;
    peer.steps[0] = (struct peer_step){.action = PEER_REFUSE, .code = "service.status"};
    open_program();
    assert_int_equal(do_write(), -1);
    assert_string_equal(last_code(), "outcome.unknown");
}

static void clocks_that_disagree_are_learned_from_the_sealed_date(void **state)
{
    static const int64_t SHIFTS[] = {3600, -3600, 86400};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SHIFTS); i++) {
        if (i > 0)
            begin(NULL);
        peer.clock = SHIFTS[i];
        open_program();
        if (SHIFTS[i] < 0) { /* kept until its time has come, the first could still get through */
            assert_int_equal(do_write(), -1);
            assert_string_equal(last_code(), "outcome.unknown");
        }
        assert_int_equal(do_write(), 0); /* even a plain write that was over when it was sent */
        assert_int_equal(n_carried_out(), 1);
        unsigned before = peer.n_exchanges;
        assert_int_equal(do_write(), 0);
        assert_int_equal(peer.n_exchanges, before + 1);
        if (i + 1 < ARRAY_LEN(SHIFTS))
            end(NULL);
    }
}

static void a_host_clock_that_jumps_is_followed(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(do_write_once(), 0);
    peer_wall_shift = 1800;
    assert_int_equal(do_write_once(), 0);
    peer_wall_shift = -7200;
    assert_int_equal(do_write_once(), 0);
    assert_int_equal(n_carried_out(), 3);
}

static void a_gateway_with_a_new_key_is_found_again(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(do_read(), 0);
    pthread_mutex_lock(&peer.lock);
    for (size_t i = 0; i < PEER_SERVICES; i++) {
        x25519_free(peer.services[i].gateway);
        peer.services[i].gateway = x25519_generate();
        peer.services[i].config.key_id++;
        x25519_public(peer.services[i].gateway, peer.services[i].config.public_key);
    }
    pthread_mutex_unlock(&peer.lock);
    assert_int_equal(do_read(), 0);
    assert_int_equal(do_write(), -1); /* a plain error is no proof */
    assert_string_equal(last_code(), "outcome.unknown");
    assert_int_equal(do_write(), 0); /* but a reason to fetch keys */
    assert_int_equal(peer.n_key_fetches, PEER_SERVICES + 2);
}

static void retries_end_with_the_run(void **state)
{
    (void)state;
    peer.manifest.run_seconds = 1;
    for (int i = 0; i < PEER_STEPS; i++)
        peer.steps[i].action = PEER_SILENT;
    open_program();
    uint64_t since = clock_monotonic_ns();
    assert_int_equal(do_read(), -1);
    assert_true(clock_monotonic_ns() - since < 3000000000);
    assert_string_equal(last_code(), "launcher.unreachable");
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "run.limit");
}

static void a_stop_ends_retries_but_not_calls(void **state)
{
    (void)state;
    peer.steps[0] = (struct peer_step){.action = PEER_STOP_AND_PLAIN, .code = "launcher.busy"};
    open_program();
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "run.stopped");
    assert_int_equal(do_write_once(), 0);
    assert_false(idevs_wait(ip));
}

static void the_end_of_the_channel_fails_at_once(void **state)
{
    (void)state;
    peer.steps[0].action = PEER_CLOSE;
    open_program();
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "launcher.unreachable");
    assert_int_equal(do_write(), -1);
    assert_string_equal(last_code(), "launcher.unreachable");
    assert_false(idevs_wait(ip));
    assert_string_equal(last_code(), "launcher.unreachable");
}

static void what_the_manifest_does_not_allow_is_not_sent(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(idevs_read(ip, "transport", "/", &reply), -1);
    assert_string_equal(last_code(), "policy.reads");
    assert_int_equal(idevs_write(ip, "store", "/", "text/plain", "x", 1, &reply), -1);
    assert_string_equal(last_code(), "policy.writes");
    assert_int_equal(idevs_read(ip, "bank", "/", &reply), -1);
    assert_string_equal(last_code(), "service.unknown");
    assert_int_equal(idevs_read(ip, NULL, "/", &reply), -1);
    assert_string_equal(last_code(), "service.unknown");
    assert_int_equal(peer.n_exchanges, 0);
}

static void arguments_out_of_form_are_not_sent(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(idevs_read(ip, "store", "api/sales", &reply), -1);
    assert_string_equal(last_code(), "call.argument");
    assert_int_equal(idevs_read(ip, "store", NULL, &reply), -1);
    assert_string_equal(last_code(), "call.argument");
    assert_int_equal(idevs_write(ip, "transport", "/a", "text", "x", 1, &reply), -1);
    assert_string_equal(last_code(), "call.argument");
    assert_int_equal(idevs_write_once(ip, "transport", "/a", "a key", "text/plain", "x", 1, NULL),
                     -1);
    assert_string_equal(last_code(), "call.argument");
    assert_int_equal(peer.n_exchanges, 0);
}

static void a_reply_may_be_sent_on_from_where_it_stands(void **state)
{
    (void)state;
    open_program();
    assert_int_equal(idevs_read(ip, "store", "/x", &reply), 0);
    assert_int_equal(
        idevs_write(ip, "transport", "/y", reply.content_type, reply.body, reply.body_len, &reply),
        0);
    assert_string_equal((const char *)reply.body, "POST /y GET /x ");
}

/* ---- renewal ---- */

static void a_certificate_is_renewed_at_two_thirds_of_its_life(void **state)
{
    (void)state;
    open_program();
    peer_progress_shift_ns = 2390ull * 1000000000;
    peer.clock = 2390;
    assert_int_equal(do_write(), 0);
    assert_int_equal(peer.n_certificates, 1);
    peer_progress_shift_ns = 2410ull * 1000000000;
    peer.clock = 2410;
    assert_int_equal(do_write(), 0);
    assert_int_equal(peer.n_certificates, 2);
    assert_int_equal(do_write(), 0);
    assert_int_equal(peer.n_certificates, 2);
    assert_memory_not_equal(peer.seen[0].keyid, peer.seen[peer.n_exchanges - 1].keyid, 32);
}

static void a_renewal_that_fails_costs_no_exchange(void **state)
{
    (void)state;
    open_program();
    peer_progress_shift_ns = 2410ull * 1000000000;
    peer.clock = 2410;
    peer.silent_authority = 1;
    assert_int_equal(do_write(), 0);
    assert_int_equal(peer.n_certificates, 1);
    assert_int_equal(peer.silent_authority, 0);
    assert_int_equal(do_write(), 0); /* not asked again at once */
    assert_int_equal(peer.n_certificates, 1);
    peer_progress_shift_ns += 2000000000;
    assert_int_equal(do_write(), 0);
    assert_int_equal(peer.n_certificates, 2);
}

static void an_ended_certificate_blocks_calls_until_it_is_renewed(void **state)
{
    (void)state;
    peer.manifest.run_seconds = 1;
    peer.life = 30;
    open_program();
    peer_progress_shift_ns = 31ull * 1000000000;
    peer.silent_authority = 1000000;
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "authority.unreachable");
    assert_int_equal(peer.n_exchanges, 0);
}

static void keys_are_used_as_long_as_the_service_vouches_for_them(void **state)
{
    (void)state;
    peer.manifest.run_seconds = 1;
    peer.keys_life = 600;
    open_program();
    assert_int_equal(do_read(), 0);
    pthread_mutex_lock(&peer.lock);
    peer.fault = PEER_SWAPPED_KEYS; /* the launcher has no newer ones of `store` */
    peer_progress_shift_ns = 599ull * 1000000000;
    peer.clock = 599;
    pthread_mutex_unlock(&peer.lock);
    assert_int_equal(do_read(), 0);
    peer_progress_shift_ns = 601ull * 1000000000;
    assert_int_equal(do_read(), -1);
    assert_string_equal(last_code(), "service.unreachable");
    assert_int_equal(peer.n_exchanges, 2);
}

static void a_certificate_that_the_launcher_mixed_up_is_replaced(void **state)
{
    (void)state;
    peer.steps[0] = (struct peer_step){.action = PEER_REFUSE, .code = "certificate.key"};
    open_program();
    assert_int_equal(do_read(), 0);
    assert_int_equal(peer.n_certificates, 2);
}

#define call_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        call_test(a_read_and_a_write_are_answered),
        call_test(a_services_error_status_is_an_answer),
        call_test(a_plain_write_is_never_sent_twice_on_what_proves_nothing),
        call_test(what_may_be_repeated_is_repeated_under_another_encapsulation),
        call_test(the_answer_to_another_request_is_refused),
        call_test(an_oversize_answer_is_refused_and_the_next_call_works),
        call_test(an_oversize_answer_to_a_write_once_proves_nothing),
        call_test(a_write_once_is_not_repeated_until_its_key_is_forgotten),
        call_test(a_service_that_was_not_reached_gets_a_plain_write_again),
        call_test(a_key_in_progress_is_asked_again),
        call_test(a_gateway_that_never_knows_is_not_asked_for_ever),
        call_test(a_refusal_that_repeating_does_not_mend_is_final),
        call_test(a_read_is_told_every_refusal),
        call_test(what_the_gateway_found_is_said_whatever_its_problem_looks_like),
        call_test(refusals_that_prove_nothing_do_not_hold_up_write_once_for_ever),
        call_test(not_processed_is_not_said_of_an_earlier_sending),
        call_test(a_plain_write_that_the_service_spoiled_is_unknown),
        call_test(clocks_that_disagree_are_learned_from_the_sealed_date),
        call_test(a_host_clock_that_jumps_is_followed),
        call_test(a_gateway_with_a_new_key_is_found_again),
        call_test(retries_end_with_the_run),
        call_test(a_stop_ends_retries_but_not_calls),
        call_test(the_end_of_the_channel_fails_at_once),
        call_test(what_the_manifest_does_not_allow_is_not_sent),
        call_test(arguments_out_of_form_are_not_sent),
        call_test(a_reply_may_be_sent_on_from_where_it_stands),
        call_test(a_certificate_is_renewed_at_two_thirds_of_its_life),
        call_test(a_renewal_that_fails_costs_no_exchange),
        call_test(an_ended_certificate_blocks_calls_until_it_is_renewed),
        call_test(keys_are_used_as_long_as_the_service_vouches_for_them),
        call_test(a_certificate_that_the_launcher_mixed_up_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

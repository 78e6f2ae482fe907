/* The clock that the program sees is the host's: turned back, put forward, or stopped. */
#include "relay.h"

#include "wire/bhttp.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- a clock that the test sets ---- */

static int64_t shift; /* seconds, of the wall clock */

static int64_t shifted_wall(void)
{
    return clock_unix() + shift;
}

static uint64_t true_progress(void)
{
    return TIME_OF_HOST.progress_ns();
}

static const struct time_source SHIFTED = {shifted_wall, true_progress};

static int begin(void **state)
{
    shift = 0;
    relay_begin(state);
    relay.time = &SHIFTED;
    return 0;
}

#define HOUR 3600

ATTACK(
    a_clock_turned_back_does_not_make_requests_old, RUNTIME, NOT_BELIEVED,
    "The host turns the program's clock back by two hours before it starts: the certificate just "
    "issued says what time it is at least.")
{
    shift = -2 * HOUR;
    program_opens();
    assert_int_equal(program_writes("store"), 0);
    assert_int_equal(program_reply.status, 201);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

ATTACK(a_clock_turned_back_while_a_program_runs_is_not_followed, RUNTIME, NOT_BELIEVED,
       "The host turns the clock back by a day while the program runs.")
{
    program_opens();
    shift = -24 * HOUR;
    assert_int_equal(program_writes("store"), 0);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

#define MINUTE 60

/* Keys that the service signed twenty minutes ago, for five. */
static void show_ended_keys(struct relay *r, struct passing *p)
{
    struct ohttp_key_config config = {.key_id = 1};
    _cleanup_x25519_ struct x25519_key *known = x25519_generate();
    _cleanup_key_ struct key *key = NULL;
    _cleanup_chain_ struct chain chain = {.n = 0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    struct signed_keys keys;
    (void)r;

    if (!passing_is(p, "service-keys:store"))
        return;
    x25519_public(known, config.public_key);
    actor_service_make(&store.service_ca, store.host, clock_unix(), &key, &chain);
    if (!signed_keys_make(&config, &chain, key, clock_unix() - 20 * MINUTE, 5 * MINUTE, &keys) ||
        !bhttp_encode_response(&keys.message, &b))
        abort();
    passing_reply(p, 200, "message/bhttp", buffer_bytes(&b));
    signed_keys_free(&keys);
}

ATTACK(
    a_clock_turned_back_does_not_revive_keys, RUNTIME, "keys.signature",
    "The host turns the clock back, and the launcher hands over keys of that time, whose private "
    "half may be known by now.")
{
    struct idevs_error err = {0};

    shift = -19 * MINUTE;
    relay.forth = show_ended_keys;
    program = relay_open(&relay, &err);
    assert_null(program);
    attack_refused(this, RUNTIME, err.code);
}

ATTACK(a_clock_put_forward_ends_the_certificate, RUNTIME, "certificate.expired",
       "The host puts the clock forward by two hours: a certificate that has ended, as far as the "
       "program can know, is not used.")
{
    struct idevs_error err = {0};

    shift = 2 * HOUR;
    program = relay_open(&relay, &err);
    assert_null(program);
    attack_refused(this, RUNTIME, err.code);
}

/* The launcher keeps the first request; the gateway has refused it by then. */
static struct buffer kept;

static void keep_request(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store") && p->n == 0 &&
        !buffer_append_bytes(&kept, buffer_bytes(&p->body)))
        abort();
}

/* Delivered once a second until the gateway carries it out. */
static bool deliver_kept(void)
{
    const struct http_message outer = actor_outer(&relay.certified, buffer_bytes(&kept));
    const struct exchange unknown = {.enc = {0}};

    for (int i = 0; i < 60; i++, usleep(500000)) {
        _cleanup_answer_ struct answer a;
        if (!world_send(&store, &outer, &unknown, &a))
            return false;
        if (fake_service_count(&store.service) > 0)
            return true;
    }
    return false;
}

ATTACK(a_request_of_the_future_is_never_called_undone, RUNTIME, "outcome.unknown",
       "The host puts the clock forward; the gateway refuses a write as one of the future; the "
       "launcher "
       "keeps it and delivers it when its time has come.")
{
    kept = buffer_up_to(MIB(1));
    program_opens();
    shift = 20;
    relay.forth = keep_request;
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 0);
    assert_true(deliver_kept());
    assert_int_equal(fake_service_count(&store.service), 1);
    program_refused(this);
    buffer_free(&kept);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_clock_turned_back_does_not_make_requests_old),
    ROW(a_clock_turned_back_while_a_program_runs_is_not_followed),
    ROW(a_clock_turned_back_does_not_revive_keys),
    ROW(a_clock_put_forward_ends_the_certificate),
    ROW(a_request_of_the_future_is_never_called_undone),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "clock",
                              .begin = begin,
                              .end = relay_finish,
                              .control = relay_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}

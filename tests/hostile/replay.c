/* The same request again, late, in another order, beside another: what was carried out once is not
 * carried out a second time, and what a gateway keeps does not go back. */
#include "stage.h"

#include "base/alloc.h"
#include "gateway/claims.h"
#include "store/store.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- a request again ---- */

/* A write that was carried out. */
static void carried_out(struct exchange *x, struct buffer *sealed)
{
    _cleanup_answer_ struct answer a;

    seal_write(&store, x, sealed);
    assert_true(world_post(&store, &store.program, buffer_bytes(sealed), x, &a));
    assert_int_equal(a.message.status, 201);
}

static void assert_done_once(void)
{
    assert_int_equal(fake_service_count(&store.service), 1);
}

/* The same bytes again, beside the certificate of `p`. */
static void again(const struct attack *this, const struct actor_program *p,
                  const struct exchange *x, const struct buffer *sealed)
{
    _cleanup_answer_ struct answer a;

    assert_true(world_post(&store, p, buffer_bytes(sealed), x, &a));
    assert_done_once();
    attack_refused(this, GATEWAY, refusal_of(&a));
}

ATTACK(a_request_replayed_at_once_is_refused, GATEWAY, "exchange.claimed",
       "The launcher delivers a write twice.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    carried_out(&x, &sealed);
    again(this, &store.program, &x, &sealed);
}

ATTACK(
    a_request_replayed_with_half_its_chain_is_refused, GATEWAY, "exchange.claimed",
    "The launcher delivers a write twice, the second time with the leaf of the certificate alone, "
    "so that the gateway has never seen these fields.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;
    _cleanup_answer_ struct answer a;

    carried_out(&x, &sealed);
    struct http_message outer = actor_outer(&store.program, buffer_bytes(&sealed));
    outer.n_fields--;
    assert_true(world_send(&store, &outer, &x, &a));
    assert_done_once();
    attack_refused(this, GATEWAY, refusal_of(&a));
}

ATTACK(a_request_replayed_beside_another_certificate_is_refused, GATEWAY, "request.signature",
       "The launcher delivers a write twice, the second time beside the certificate of another "
       "program, as whose it has not come yet.")
{
    struct actor_program other;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    actor_program_make(&other, &store.tier, NULL, clock_unix());
    carried_out(&x, &sealed);
    again(this, &other, &x, &sealed);
    actor_program_free(&other);
}

struct delivery {
    pthread_t thread;
    struct bytes sealed;
    const struct exchange *x;
    unsigned status;
    char code[48];
};

static void *deliver(void *context)
{
    struct delivery *d = context;
    _cleanup_answer_ struct answer a;

    if (world_post(&store, &store.program, d->sealed, d->x, &a) && a.sealed) {
        struct bytes code;
        d->status = a.message.status;
        if (http_get(&a.message, "idevs-error", &code))
            snprintf(d->code, sizeof(d->code), "%.*s", (int)code.len, (const char *)code.data);
    }
    return NULL;
}

static void deliver_all(struct delivery *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_create(&all[i].thread, NULL, deliver, &all[i]), 0);
    for (size_t i = 0; i < n; i++)
        pthread_join(all[i].thread, NULL);
}

ATTACK(of_a_hundred_replays_at_the_same_time_one_is_carried_out, GATEWAY, "exchange.claimed",
       "The launcher delivers a write a hundred times at once, over a hundred connections.")
{
    static struct delivery all[100];
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;
    unsigned done = 0;

    seal_write(&store, &x, &sealed);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        all[i] = (struct delivery){.sealed = buffer_bytes(&sealed), .x = &x};
    deliver_all(all, ARRAY_LEN(all));
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i].status == 201)
            done++;
        else
            attack_refused(this, GATEWAY, all[i].code);
    }
    assert_int_equal(done, 1);
    assert_done_once();
}

/* Signed as if `age` seconds ago. */
static void seal_old_write(int64_t age, struct exchange *x, struct buffer *sealed)
{
    const struct http_message m = actor_request("POST", "/count", NULL, NULL, bytes_of(NULL, 0));

    *sealed = buffer_up_to(LIMIT_MESSAGE);
    actor_seal(&store.program, &store.keys, &m, clock_unix() - age, x, sealed);
}

/* Until the window has closed it is claimed; from then on it is too old: at no moment neither. */
ATTACK(
    a_request_replayed_after_its_window_is_refused, GATEWAY, "request.date",
    "The launcher delivers a write and goes on delivering it until the gateway no longer needs to "
    "remember it, and beyond.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;
    const char *code = "";

    seal_old_write(LIMIT_SIGNATURE_LIFE - 1, &x, &sealed);
    for (unsigned tries = 0; strcmp(code, "request.date") != 0; tries++) {
        _cleanup_answer_ struct answer a;
        assert_true(tries < 300);
        assert_true(world_post(&store, &store.program, buffer_bytes(&sealed), &x, &a));
        code = refusal_of(&a);
        assert_done_once();
        usleep(100000);
    }
    attack_refused(this, GATEWAY, code);
}

ATTACK(a_withheld_request_is_refused_after_its_window, GATEWAY, "request.date",
       "The launcher withholds a write for more than a minute and delivers it then.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_old_write(LIMIT_SIGNATURE_LIFE + LIMIT_CLOCK_SKEW + 2, &x, &sealed);
    gateway_refuses(this, buffer_bytes(&sealed), &x);
}

ATTACK(
    a_request_replayed_after_a_restart_cannot_be_opened, GATEWAY, "exchange.decrypt",
    "The launcher has the gateway restarted, which forgets what it accepted, and delivers a write "
    "again, under the new key's identifier.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    carried_out(&x, &sealed);
    assert_int_equal(world_gateway_end(&store, SIGKILL), -SIGKILL);
    world_gateway_start(&store);
    sealed.data[0] = store.keys.key_id;
    again(this, &store.program, &x, &sealed);
}

/* A gateway remembers 262,144 requests: here one that remembers four stands for it. */
ATTACK(
    a_flood_of_requests_makes_none_forgotten, GATEWAY, "exchange.full",
    "The launcher lets a program flood the gateway's memory of requests, so that an older one is "
    "forgotten and can be delivered again.")
{
    struct claims *claims = claims_new(4);
    uint8_t keyid[CLAIM_PART_LEN] = {0};
    uint8_t enc[CLAIM_PART_LEN] = {0};
    struct idevs_error err;

    for (enc[0] = 0; enc[0] < 4; enc[0]++)
        assert_true(claims_take(claims, keyid, enc, 1060, 1000, &err));
    for (int i = 0; i < 100; i++, enc[0]++) {
        assert_false(claims_take(claims, keyid, enc, 1060, 1000, &err));
        attack_refused(this, GATEWAY, err.code);
    }
    enc[0] = 0;
    assert_false(claims_take(claims, keyid, enc, 1060, 1000, &err));
    assert_refused(&err, "exchange.claimed");
    claims_free(claims);
}

/* ---- write_once ---- */

static bool write_once(const struct actor_program *p, const char *path, const char *key,
                       const char *content, struct answer *ret)
{
    const struct http_message m =
        actor_request("POST", path, key, "application/json", bytes_of_text(content));
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));

    actor_seal(p, &store.keys, &m, clock_unix(), &x, &sealed);
    return world_post(&store, p, buffer_bytes(&sealed), &x, ret);
}

ATTACK(a_write_once_asked_for_again_is_carried_out_once, GATEWAY, ONCE,
       "The launcher withholds the answer to a `write_once` and kills the gateway, so that the "
       "program asks again under the same key.")
{
    _cleanup_answer_ struct answer lost;
    _cleanup_answer_ struct answer a;

    assert_true(write_once(&store.program, "/count", "sale-809", "{}", &lost));
    assert_int_equal(world_gateway_end(&store, SIGKILL), -SIGKILL);
    world_gateway_start(&store);
    assert_true(write_once(&store.program, "/count", "sale-809", "{}", &a));
    assert_int_equal(a.message.status, 201);
    assert_true(bytes_equal_text(a.message.content, "1"));
    assert_done_once();
    attack_refused(this, GATEWAY, ONCE);
}

ATTACK(another_write_under_a_used_key_is_refused, GATEWAY, "idempotency.mismatch",
       "A second instance of a program writes something else under a key that was used.")
{
    _cleanup_answer_ struct answer first;
    _cleanup_answer_ struct answer a;

    assert_true(write_once(&store.program, "/count", "sale-809", "{}", &first));
    assert_true(write_once(&store.program, "/count", "sale-809", "{\"a\":1}", &a));
    assert_done_once();
    attack_refused(this, GATEWAY, refusal_of(&a));
}

ATTACK(
    of_two_instances_that_write_at_once_one_is_heard, GATEWAY, "idempotency.in-progress",
    "The launcher starts a program twice, and both instances write under the same key at the same "
    "time.")
{
    const struct http_message m =
        actor_request("POST", "/hang", "sale-809", "application/json", bytes_of_text("{}"));
    struct actor_program second;
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    struct delivery first = {.x = &x};
    _cleanup_answer_ struct answer a;

    actor_program_make(&second, &store.tier, NULL, clock_unix());
    actor_seal(&store.program, &store.keys, &m, clock_unix(), &x, &sealed);
    first.sealed = buffer_bytes(&sealed);
    assert_int_equal(pthread_create(&first.thread, NULL, deliver, &first), 0);
    while (fake_service_count(&store.service) == 0)
        usleep(1000);
    assert_true(write_once(&second, "/hang", "sale-809", "{}", &a));
    pthread_join(first.thread, NULL);
    assert_done_once();
    attack_refused(this, GATEWAY, refusal_of(&a));
    actor_program_free(&second);
}

ATTACK(the_answer_under_another_programs_key_is_not_told, GATEWAY, APART,
       "A program asks under the idempotency key of another, to be told that one's stored answer.")
{
    const struct actor_program_fields fields = {.id = "spiffe://free-ride.example/program/other"};
    struct actor_program other;
    _cleanup_answer_ struct answer first;
    _cleanup_answer_ struct answer a;

    actor_program_make(&other, &store.tier, &fields, clock_unix());
    assert_true(write_once(&store.program, "/count", "sale-809", "{}", &first));
    assert_true(bytes_equal_text(first.message.content, "1"));
    assert_true(write_once(&other, "/count", "sale-809", "{}", &a));
    assert_true(bytes_equal_text(a.message.content, "2")); /* its own */
    attack_refused(this, GATEWAY, APART);
    actor_program_free(&other);
}

/* ---- state ---- */

#define CURSOR "/.well-known/idevs/state/cursor"

/* Seals a save over `version`, as `p`. */
static void seal_save(const struct actor_program *p, unsigned version, const char *value,
                      struct exchange *x, struct buffer *sealed)
{
    char path[80];

    snprintf(path, sizeof(path), CURSOR "?version=%u", version);
    const struct http_message m =
        actor_request("PUT", path, NULL, "application/octet-stream", bytes_of_text(value));
    *sealed = buffer_up_to(KIB(64));
    actor_seal(p, &store.keys, &m, clock_unix(), x, sealed);
}

static void save(const struct actor_program *p, unsigned version, const char *value,
                 struct answer *ret)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;

    seal_save(p, version, value, &x, &sealed);
    assert_true(world_post(&store, p, buffer_bytes(&sealed), &x, ret));
}

static void saves(const struct actor_program *p, unsigned version, const char *value)
{
    _cleanup_answer_ struct answer a;

    save(p, version, value, &a);
    assert_int_equal(a.message.status, 204);
}

static void assert_state_is(const char *value)
{
    _cleanup_answer_ struct answer a;

    assert_true(world_get(&store, CURSOR, &a));
    assert_true(bytes_equal_text(a.message.content, value));
}

ATTACK(a_withheld_save_does_not_roll_the_state_back, GATEWAY, "state.conflict",
       "The launcher withholds a save, lets later ones pass, and delivers it then.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer withheld;
    _cleanup_answer_ struct answer a;

    seal_save(&store.program, 0, "808", &x, &withheld);
    saves(&store.program, 0, "809");
    saves(&store.program, 1, "810");
    assert_true(world_post(&store, &store.program, buffer_bytes(&withheld), &x, &a));
    assert_state_is("810");
    attack_refused(this, GATEWAY, refusal_of(&a));
}

ATTACK(a_replayed_save_does_not_roll_the_state_back, GATEWAY, "exchange.claimed",
       "The launcher delivers an earlier save again.")
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed;
    _cleanup_answer_ struct answer first;
    _cleanup_answer_ struct answer a;

    seal_save(&store.program, 0, "809", &x, &sealed);
    assert_true(world_post(&store, &store.program, buffer_bytes(&sealed), &x, &first));
    saves(&store.program, 1, "810");
    assert_true(world_post(&store, &store.program, buffer_bytes(&sealed), &x, &a));
    assert_state_is("810");
    attack_refused(this, GATEWAY, refusal_of(&a));
}

ATTACK(of_two_instances_that_save_one_loses, GATEWAY, "state.conflict",
       "The launcher starts a program twice; both loaded the same state, and both save.")
{
    struct actor_program second;
    _cleanup_answer_ struct answer a;

    actor_program_make(&second, &store.tier, NULL, clock_unix());
    saves(&store.program, 0, "809");
    saves(&store.program, 1, "810");
    save(&second, 1, "900", &a);
    assert_state_is("810");
    attack_refused(this, GATEWAY, refusal_of(&a));
    actor_program_free(&second);
}

ATTACK(the_state_of_another_program_is_not_read, GATEWAY, APART,
       "A program loads what another saved under the same name.")
{
    const struct actor_program_fields fields = {.id = "spiffe://free-ride.example/program/other"};
    struct actor_program own = store.program;
    struct actor_program other;
    _cleanup_answer_ struct answer a;

    actor_program_make(&other, &store.tier, &fields, clock_unix());
    saves(&own, 0, "809");
    store.program = other;
    assert_true(world_get(&store, CURSOR, &a));
    store.program = own;
    assert_int_equal(a.message.status, 404);
    assert_int_equal(a.message.content.len, 0);
    attack_refused(this, GATEWAY, APART);
    actor_program_free(&other);
}

ATTACK(
    a_kept_state_moved_to_another_name_does_not_open, GATEWAY, "state.unusable",
    "Whoever can write the gateway's database, though not read its key, gives one kept value the "
    "name and version of another.")
{
    _cleanup_text_ char *database = alloc_format("%s/state/gateway.db", store.folder);
    _cleanup_answer_ struct answer a;
    struct idevs_error err;
    static const char *const NEW_ALREADY[] = {"", NULL};

    saves(&store.program, 0, "809");
    world_gateway_end(&store, SIGTERM);
    struct store *opened = store_open(database, NEW_ALREADY, &err);
    assert_non_null(opened);
    struct statement *s = store_prepare(opened, "UPDATE state SET name = 'other'", &err);
    assert_int_equal(statement_step(s, &err), STEP_DONE);
    statement_done(s);
    store_close(opened);
    world_gateway_start(&store);
    assert_true(world_get(&store, "/.well-known/idevs/state/other", &a));
    attack_refused(this, GATEWAY, refusal_of(&a));
}

/* Time enough for a second write while the first is under way. */
static int begin(void **state)
{
    (void)state;
    return stage_begin_with("upstream_timeout: 5\n");
}

static const struct attack *const ATTACKS[] = {
    ROW(a_request_replayed_at_once_is_refused),
    ROW(a_request_replayed_with_half_its_chain_is_refused),
    ROW(a_request_replayed_beside_another_certificate_is_refused),
    ROW(of_a_hundred_replays_at_the_same_time_one_is_carried_out),
    ROW(a_request_replayed_after_its_window_is_refused),
    ROW(a_withheld_request_is_refused_after_its_window),
    ROW(a_request_replayed_after_a_restart_cannot_be_opened),
    ROW(a_flood_of_requests_makes_none_forgotten),
    ROW(a_write_once_asked_for_again_is_carried_out_once),
    ROW(another_write_under_a_used_key_is_refused),
    ROW(of_two_instances_that_write_at_once_one_is_heard),
    ROW(the_answer_under_another_programs_key_is_not_told),
    ROW(a_withheld_save_does_not_roll_the_state_back),
    ROW(a_replayed_save_does_not_roll_the_state_back),
    ROW(of_two_instances_that_save_one_loses),
    ROW(the_state_of_another_program_is_not_read),
    ROW(a_kept_state_moved_to_another_name_does_not_open),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "replay",
                              .begin = begin,
                              .end = stage_end,
                              .control = stage_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}

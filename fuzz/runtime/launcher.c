/* A hostile launcher between a program and everybody whom it may believe (realm.h). The input is
 * its script: what the program does next, and what becomes of each message on its way. At the
 * script's end everybody is honest.
 *
 * What holds, whatever the launcher does: a request is sealed to keys that the gateway has, and to
 * no others; an answer that the program gets was given by that gateway to this very call; a plain
 * write is carried out once at most, and when the program is told anything but an answer or
 * `outcome.unknown`, never: also not by what the launcher kept, delivered later. */
#include "base/clock.h"
#include "base/process.h"
#include "runtime/api.h"
#include "runtime/service.h"
#include "wire/certificate_request.h"

#include "realm.h"

#include "fuzz.h"

#include <stdio.h>

#define CALLS     6  /* of one program */
#define CAPTURES  24 /* sealed requests of one call that the launcher keeps */
#define HELD_BACK (UINT64_C(70) * 1000000000) /* longer than a signature holds */
#define ATTEMPTS  40                          /* of one call; then the channel breaks */

static struct {
    struct realm *realm;
    struct reader script;
    int64_t wall_shift; /* what the host says of the time */
    uint64_t progress_ns;
    unsigned n_attempts;
    struct buffer reply; /* what the channel hands out */
    struct buffer old;   /* a sealed answer of before */
    /* of the present call */
    struct buffer captures[CAPTURES];
    struct realm_service *to[CAPTURES];
    size_t n_captures;
    unsigned n_done;
} world;

static int64_t true_now(void)
{
    return REALM_NOW + (int64_t)(world.progress_ns / 1000000000);
}

static int64_t host_wall(void)
{
    return true_now() + world.wall_shift;
}

static uint64_t host_progress(void)
{
    return world.progress_ns;
}

static const struct time_source HOST = {host_wall, host_progress};

void process_forbid_dumps(void)
{
    /* the leak checker looks at this process */
}

/* ---- what the launcher answers ---- */

struct answer {
    uint16_t status;
    const char *type;
    struct buffer body;
};

static bool fill_raw(struct answer *a)
{
    static const char *const TYPES[] = {"message/ohttp-res", "message/bhttp", "text/plain",
                                        "application/pem-certificate-chain"};

    a->type = TYPES[next_u8(&world.script) % ARRAY_LEN(TYPES)];
    a->status = next_u8(&world.script) % 2 ? 200 : 503;
    return buffer_append_bytes(&a->body, next_part(&world.script));
}

static bool fill_problem(struct answer *a)
{
    static const char *const CODES[] = {"exchange.key",     "exchange.decrypt",     "request.date",
                                        "exchange.claimed", "outcome.unknown",      "policy.writes",
                                        "api.field",        "authority.unreachable"};

    a->status = next_u8(&world.script) % 2 ? 403 : 503;
    a->type = "application/problem+json";
    return buffer_append_format(&a->body, "{\"code\":\"%s\"}",
                                CODES[next_u8(&world.script) % ARRAY_LEN(CODES)]);
}

static void change(struct buffer *b)
{
    uint16_t at = 0;

    if (b->len && reader_u16(&world.script, &at))
        b->data[at % b->len] ^= (uint8_t)(next_u8(&world.script) | 1);
}

static void certify(struct bytes request, struct answer *a)
{
    uint8_t how = next_u8(&world.script) % 8;
    struct realm *realm = world.realm;
    const struct chain stranger = realm->stranger.chain;

    a->status = 200;
    a->type = "application/pem-certificate-chain";
    realm_certify(realm, request, how == 1 ? true_now() - 7200 : true_now(), &a->body);
    if (how == 2)
        change(&a->body);
    if (how != 3)
        return;
    buffer_clear(&a->body);
    must(chain_to_pem(&stranger, &a->body));
}

static void give_keys(const struct realm_service *s, struct answer *a)
{
    uint8_t how = next_u8(&world.script) % 8;
    const struct realm_service *other = &world.realm->services[s == world.realm->services];

    a->status = 200;
    a->type = "message/bhttp";
    realm_keys(how == 1 ? other : s, how == 2 ? REALM_NOW - 100000 : true_now(), &a->body);
    if (how == 3)
        change(&a->body);
}

/* ---- one exchange ---- */

/* The program seals to its gateway and to nobody else. */
static void check_sealed(const struct realm_service *s, struct bytes sealed)
{
    struct exchange x;
    struct http_message m;
    struct idevs_error err;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(sealed.len);

    must(
        exchange_open_request(&s->keyring.config, s->keyring.x25519, sealed, &x, &plain, &m, &err));
    must(bytes_equal_text(m.authority, s->authority));
    exchange_wipe(&x);
}

static void capture(struct realm_service *s, struct bytes sealed)
{
    check_sealed(s, sealed);
    must(world.n_captures < CAPTURES);
    struct buffer *b = &world.captures[world.n_captures];
    *b = buffer_up_to(sealed.len);
    must(buffer_append_bytes(b, sealed));
    world.to[world.n_captures++] = s;
}

static void deliver(struct realm_service *s, const struct chain *chain, struct bytes sealed,
                    int64_t now, struct realm_answer *ret)
{
    enum realm_fate fate = next_u8(&world.script) % N_FATES;

    realm_deliver(s, chain, sealed, now, fate, ret);
    world.n_done += ret->carried_out;
}

static void keep(const struct realm_answer *from, struct buffer *to)
{
    buffer_clear(to);
    must(buffer_append_bytes(to, buffer_bytes(&from->body)));
}

static void show(const struct realm_answer *from, struct answer *a)
{
    a->status = from->status;
    a->type = from->type;
    must(buffer_append_bytes(&a->body, buffer_bytes(&from->body)));
}

/* What of the deliveries is shown; false: nothing. */
static bool show_some(const struct realm_answer *first, const struct realm_answer *last,
                      struct answer *a)
{
    switch (next_u8(&world.script) % 8) {
    case 1:
        show(last, a);
        return true;
    case 2:
        show(first, a);
        change(&a->body);
        return true;
    case 3:
        a->status = 200;
        a->type = OHTTP_RESPONSE_TYPE;
        return buffer_append_bytes(&a->body, buffer_bytes(&world.old));
    case 4:
        return fill_problem(a);
    case 5:
        return fill_raw(a);
    case 6:
        return false;
    default:
        show(first, a);
        return true;
    }
}

/* Withheld, delivered beside a stranger's certificate, late, twice. */
static bool exchange(struct realm_service *s, struct bytes sealed, struct answer *a)
{
    const struct chain *own = &world.realm->chains[world.realm->n_chains - 1];
    uint8_t how = next_u8(&world.script);
    struct realm_answer first;
    struct realm_answer again = {.body = buffer_up_to(0)};

    capture(s, sealed);
    if (how & 1)
        return next_u8(&world.script) % 2 && fill_problem(a);
    if (how & 8)
        world.progress_ns += HELD_BACK;
    deliver(s, how & 2 ? &world.realm->stranger.chain : own, sealed, true_now(), &first);
    if (how & 16)
        world.progress_ns += HELD_BACK;
    if (how & 4)
        deliver(s, own, sealed, true_now(), &again);
    bool shown = show_some(&first, how & 4 ? &again : &first, a);
    keep(&first, &world.old);
    buffer_free(&first.body);
    buffer_free(&again.body);
    return shown;
}

/* ---- the channel, played ---- */

void channel_open(struct channel *c, int fd, const char *unreachable)
{
    *c = (struct channel){.fd = fd, .unreachable = unreachable};
}

void channel_close(struct channel *c)
{
    (void)c;
}

bool channel_tell(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                  struct idevs_error *ret_err)
{
    (void)c;
    (void)request;
    (void)deadline_ns;
    (void)ret_err;
    return true;
}

bool channel_sleep(struct channel *c, uint64_t deadline_ns)
{
    (void)deadline_ns;
    world.progress_ns += 1000000000;
    return !c->stopped && !c->broken;
}

static bool break_off(struct channel *c, struct idevs_error *ret_err)
{
    c->broken = true;
    refuse(&c->why, c->unreachable, "the channel was closed");
    *ret_err = c->why;
    return false;
}

static struct realm_service *named(const char *target, const char *prefix)
{
    size_t n = strlen(prefix);

    for (size_t i = 0; i < REALM_SERVICES && strncmp(target, prefix, n) == 0; i++)
        if (strcmp(target + n, world.realm->services[i].name) == 0)
            return &world.realm->services[i];
    return NULL;
}

/* False: silence. */
static bool answer_launcher(const struct channel_request *request, struct answer *a)
{
    struct realm_service *s = named(request->target, "service:");
    const struct realm_service *keys = named(request->target, "service-keys:");

    if (s)
        return exchange(s, request->body, a);
    switch (next_u8(&world.script) % 16) {
    case 1:
        return false;
    case 2:
        return fill_raw(a);
    case 3:
        return fill_problem(a);
    default:
        break;
    }
    a->status = 200;
    if (keys)
        give_keys(keys, a);
    else if (strcmp(request->target, "authority:certificate") == 0)
        certify(request->body, a);
    else if (strcmp(request->target, "authority:challenge") == 0)
        return buffer_extend(&a->body, CHALLENGE_LEN) != NULL;
    else
        a->status = 204;
    return true;
}

static void answer_warden(const struct channel_request *request, struct answer *a)
{
    bool is_manifest = strcmp(request->target, "manifest") == 0;

    a->status = 200;
    must(buffer_append_bytes(&a->body, is_manifest ? buffer_bytes(&world.realm->manifest_cbor)
                                                   : bytes_of_text("evidence")));
}

bool channel_answer(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                    struct frame *ret, struct idevs_error *ret_err)
{
    struct answer a = {.type = "", .body = buffer_up_to(MIB(1))};
    bool warden = strcmp(c->unreachable, "warden.unreachable") == 0;
    bool answered = true;

    (void)deadline_ns;
    if (c->broken || world.n_attempts++ == ATTEMPTS || world.n_captures == CAPTURES)
        return break_off(c, ret_err);
    if (warden)
        answer_warden(request, &a);
    else
        answered = answer_launcher(request, &a);
    buffer_free(&world.reply);
    world.reply = a.body;
    if (!answered)
        return refuse(ret_err, c->unreachable, "no reply to %s in time", request->target);
    *ret = (struct frame){.kind = FRAME_REPLY,
                          .status = a.status,
                          .type = bytes_of_text(a.type),
                          .body = buffer_bytes(&world.reply)};
    return true;
}

bool channel_call(struct channel *c, const struct channel_request *request, uint64_t deadline_ns,
                  struct frame *ret, struct idevs_error *ret_err)
{
    return channel_answer(c, request, deadline_ns, ret, ret_err);
}

/* ---- what the program does ---- */

static void begin_call(void)
{
    for (size_t i = 0; i < world.n_captures; i++)
        buffer_free(&world.captures[i]);
    world.n_captures = 0;
    world.n_attempts = 0;
    world.n_done = 0;
}

/* All that was kept, to its gateway once more, under each certificate and at later times. */
static void deliver_later(void)
{
    static const int AFTER[] = {0, 30, 66, 600};

    for (size_t t = 0; t < ARRAY_LEN(AFTER); t++)
        for (size_t i = 0; i < world.n_captures; i++)
            for (size_t k = 0; k < world.realm->n_chains; k++) {
                struct realm_answer a;
                realm_deliver(world.to[i], &world.realm->chains[k],
                              buffer_bytes(&world.captures[i]), true_now() + AFTER[t], FATE_DONE,
                              &a);
                world.n_done += a.carried_out;
                buffer_free(&a.body);
            }
    world.progress_ns += UINT64_C(600) * 1000000000;
}

/* An answer of this very call: the service numbers them. */
static void check_answer(const struct realm_service *s, unsigned before,
                         const struct idevs_reply *reply)
{
    char text[64];
    bool found = false;

    for (unsigned n = before + 1; n <= s->n_done; n++) {
        snprintf(text, sizeof(text), "%s %u", s->name, n);
        found = found || strcmp((const char *)reply->body, text) == 0;
    }
    must(found && reply->status == 200);
}

static void call_read(struct idevs *ip)
{
    const struct realm_service *s = &world.realm->services[0];
    unsigned before = s->n_done;
    struct idevs_reply reply;

    if (idevs_read(ip, "store", "/api/sales?after=809", &reply) == 0)
        check_answer(s, before, &reply);
    else
        must_be_refusal(idevs_last_error(ip));
}

static void call_write(struct idevs *ip)
{
    const struct realm_service *s = &world.realm->services[1];
    unsigned before = s->n_done;
    struct idevs_reply reply;
    bool done = idevs_write(ip, "transport", "/api/trips", "text/plain", "x", 1, &reply) == 0;
    struct idevs_error err = *idevs_last_error(ip);

    if (done)
        check_answer(s, before, &reply);
    deliver_later();
    must(world.n_done <= 1);
    must(world.n_done == 0 || done || error_is(&err, "outcome.unknown"));
}

/* Nobody can say anything but the stored answer under this key; and where the gateway is quoted,
 * nothing was done. */
static void call_write_once(struct idevs *ip)
{
    const struct realm_service *s = &world.realm->services[1];
    bool there = s->once.len > 0;
    struct idevs_reply reply;

    if (idevs_write_once(ip, "transport", "/api/trips", "key", NULL, "x", 1, &reply) == 0)
        must(bytes_equal(bytes_of(reply.body, reply.body_len), buffer_bytes(&s->once)));
    else if (error_is(idevs_last_error(ip), "policy.") ||
             error_is(idevs_last_error(ip), "request."))
        must(there || s->once.len == 0);
}

static void call_save(struct idevs *ip)
{
    const struct realm_service *s = &world.realm->services[0];
    unsigned long version = s->version;

    if (idevs_save(ip, "store", "cursor", "value", 5) == 0)
        must(s->version > version && bytes_equal_text(buffer_bytes(&s->state), "value"));
    else if (error_is(idevs_last_error(ip), "state.conflict"))
        must(s->version > 0);
}

static void call_load(struct idevs *ip)
{
    const struct realm_service *s = &world.realm->services[0];
    struct idevs_reply reply;

    if (idevs_load(ip, "store", "cursor", &reply) == 0)
        must(bytes_equal(bytes_of(reply.body, reply.body_len), buffer_bytes(&s->state)) &&
             reply.status == (s->version ? 200 : 404));
}

static void pass_time(struct idevs *ip)
{
    uint16_t seconds = 0;

    (void)ip;
    if (reader_u16(&world.script, &seconds))
        world.progress_ns += (uint64_t)seconds * 1000000000;
    world.wall_shift = (int64_t)(int8_t)next_u8(&world.script) * 1000;
}

static void run_program(void)
{
    static void (*const CALL[])(struct idevs * ip) = {call_read, call_write, call_write_once,
                                                      call_save, call_load,  pass_time};
    const struct runtime_options options = {.launcher_fd = -1,
                                            .attester_fd = -1,
                                            .time = &HOST,
                                            .attempt_ms = 1000,
                                            .backoff_first_ms = 1,
                                            .backoff_max_ms = 1};
    struct idevs_error err = {0};
    struct idevs *ip = runtime_open(&options, &err);

    if (!ip) {
        must_be_refusal(&err);
        return;
    }
    for (int i = 0; i < CALLS && reader_left(&world.script); i++) {
        begin_call();
        CALL[next_u8(&world.script) % ARRAY_LEN(CALL)](ip);
    }
    idevs_close(ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world.realm)
        world.realm = realm_make();
    realm_reset(world.realm);
    world.script = reader_of(bytes_of(data, size));
    world.progress_ns = 1;
    world.wall_shift = 0;
    buffer_free(&world.old);
    world.old = buffer_up_to(MIB(1));
    begin_call();
    run_program();
    begin_call();
    return 0;
}

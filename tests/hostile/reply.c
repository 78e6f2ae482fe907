/* What comes back to the program: answers changed, swapped, invented, withheld. A plain write is
 * never sent twice, whatever the launcher says of it. */
#include "base/fd.h"
#include "relay.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SALE "{\"sale\":809}" /* what the store says at /ok */

/* ---- changed ---- */

/* The write was carried out once, and the program is not told anything else. */
static void write_is_unknown(const struct attack *this)
{
    assert_int_equal(program_writes("store"), -1);
    program_refused(this);
    assert_int_equal(fake_service_count(&store.service), 1);
}

static void change_tag(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store"))
        p->reply.data[p->reply.len - 1] ^= 1;
}

ATTACK(a_changed_answer_to_a_write_causes_no_second_write, RUNTIME, "outcome.unknown",
       "The launcher changes the sealed answer to a write.")
{
    relay.back = change_tag;
    program_opens();
    write_is_unknown(this);
}

/* Each time that the program asks, the next byte. */
static void change_reply(struct relay *r, struct passing *p)
{
    size_t *next = r->context;

    if (passing_is(p, "service:store") && *next < p->reply.len)
        p->reply.data[(*next)++] ^= 1;
}

ATTACK(an_answer_changed_at_any_byte_is_not_taken, RUNTIME, NOT_BELIEVED,
       "The launcher changes a sealed answer, each byte of nonce, ciphertext and tag: the read is "
       "repeated until the answer comes as it was sealed.")
{
    size_t next = 0;

    relay.back = change_reply;
    relay.context = &next;
    program_opens();
    program_reads("/ok", SALE);
    assert_true(next > OHTTP_NONCE_LEN + OHTTP_TAG_LEN);
    assert_int_equal(fake_service_count(&store.service), next + 1);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

/* Each time that the program asks, one byte more. */
static void cut_reply(struct relay *r, struct passing *p)
{
    size_t *next = r->context;

    if (passing_is(p, "service:store") && *next < p->reply.len)
        p->reply.len = (*next)++;
}

ATTACK(an_answer_cut_off_at_any_byte_is_not_taken, RUNTIME, NOT_BELIEVED,
       "The launcher cuts a sealed answer off, at every byte of it: the read is repeated until the "
       "whole answer comes.")
{
    size_t next = 0;

    relay.back = cut_reply;
    relay.context = &next;
    program_opens();
    program_reads("/ok", SALE);
    assert_true(next > OHTTP_NONCE_LEN + OHTTP_TAG_LEN);
    assert_int_equal(fake_service_count(&store.service), next + 1);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

/* ---- forged errors that ask for a second write ---- */

static void forge_problem(struct relay *r, struct passing *p)
{
    if (passing_is(p, "service:store") && p->n == 0)
        passing_problem(p, 400, r->context);
}

static void with_problem(const struct attack *this, const char *code)
{
    relay.back = forge_problem;
    relay.context = (void *)(uintptr_t)code;
    program_opens();
    write_is_unknown(this);
}

ATTACK(
    a_forged_date_problem_causes_no_second_write, RUNTIME, "outcome.unknown",
    "The launcher delivers a write and answers `request.date` in the gateway's name, so that the "
    "program sends it again under another time.")
{
    with_problem(this, "request.date");
}

ATTACK(
    a_forged_key_problem_causes_no_second_write, RUNTIME, "outcome.unknown",
    "The launcher delivers a write and answers `exchange.key` in the gateway's name, so that the "
    "program sends it again under another key.")
{
    with_problem(this, "exchange.key");
}

static void forge_problem_before(struct relay *r, struct passing *p)
{
    forge_problem(r, p);
}

ATTACK(
    a_refusal_without_a_seal_is_no_refusal, RUNTIME, NOT_BELIEVED,
    "The launcher answers a read `policy.reads` in the gateway's name, without delivering it: the "
    "program asks again until the gateway itself answers.")
{
    relay.forth = forge_problem_before;
    relay.context = (void *)(uintptr_t) "policy.reads";
    program_opens();
    program_reads("/ok", SALE);
    assert_int_equal(relay_count(&relay, "service:store"), 2);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

static void say_once(struct passing *p, const char *type, struct bytes body)
{
    if (passing_is(p, "service:store") && p->n == 0)
        passing_reply(p, 200, type, body);
}

static void forge_json(struct relay *r, struct passing *p)
{
    (void)r;
    say_once(p, "application/json", bytes_of_text("{\"sale\":999}"));
}

ATTACK(an_invented_answer_to_a_read_is_not_taken, RUNTIME, NOT_BELIEVED,
       "The launcher invents the answer to a read, with status 200 and no seal.")
{
    relay.forth = forge_json;
    program_opens();
    program_reads("/ok", SALE);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

ATTACK(an_invented_delivery_is_not_believed, RUNTIME, "outcome.unknown",
       "The launcher says 200 to a write that it never delivered.")
{
    relay.forth = forge_json;
    program_opens();
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 0);
    program_refused(this);
}

static void forge_sealed(struct relay *r, struct passing *p)
{
    uint8_t junk[300];
    (void)r;

    random_bytes(junk, sizeof(junk));
    say_once(p, OHTTP_RESPONSE_TYPE, bytes_of(junk, sizeof(junk)));
}

ATTACK(an_invented_seal_does_not_open, RUNTIME, NOT_BELIEVED,
       "The launcher invents a sealed answer of random bytes.")
{
    relay.forth = forge_sealed;
    program_opens();
    program_reads("/ok", SALE);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

/* ---- around the seal ---- */

static void change_status(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store") && p->n == 0)
        p->status = 502;
}

ATTACK(a_changed_status_around_the_seal_causes_no_second_write, RUNTIME, "outcome.unknown",
       "The launcher hands a sealed answer back under a status that says that the gateway was not "
       "reached.")
{
    relay.back = change_status;
    program_opens();
    write_is_unknown(this);
}

static void change_type(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store") && p->n == 0)
        strcpy(p->type, "text/plain");
}

ATTACK(a_changed_type_around_the_seal_causes_no_second_write, RUNTIME, "outcome.unknown",
       "The launcher hands a sealed answer back as another media type.")
{
    relay.back = change_type;
    program_opens();
    write_is_unknown(this);
}

/* ---- answers to something else ---- */

/* What another exchange was answered, shown at the next one of the store. */
static struct buffer kept;

static void keep_answer(struct passing *p)
{
    buffer_clear(&kept);
    if (!buffer_append_bytes(&kept, buffer_bytes(&p->reply)))
        abort();
}

static void show_answer_before(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store") && p->n == 0)
        keep_answer(p);
    if (passing_is(p, "service:store") && p->n == 1)
        passing_reply(p, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(&kept));
}

ATTACK(the_answer_to_an_earlier_read_is_not_taken, RUNTIME, NOT_BELIEVED,
       "The launcher answers a read with the sealed answer to the read before, which had the same "
       "path.")
{
    kept = buffer_up_to(MIB(1));
    relay.back = show_answer_before;
    program_opens();
    program_reads("/count", "1"); /* the status is 201 */
    program_reads("/count", "3"); /* not 1; and 2 was the answer that the launcher replaced */
    attack_refused(this, RUNTIME, NOT_BELIEVED);
    buffer_free(&kept);
}

ATTACK(the_answer_to_an_earlier_write_is_not_taken, RUNTIME, "outcome.unknown",
       "The launcher withholds the answer to a write and shows that to the write before.")
{
    kept = buffer_up_to(MIB(1));
    relay.back = show_answer_before;
    program_opens();
    assert_int_equal(program_writes("store"), 0);
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 2);
    program_refused(this);
    buffer_free(&kept);
}

static void swap_with_transport(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:transport"))
        keep_answer(p);
    if (passing_is(p, "service:store"))
        passing_reply(p, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(&kept));
}

ATTACK(the_answer_of_another_service_is_not_taken, RUNTIME, "outcome.unknown",
       "The launcher shows the sealed answer of one service as that of another.")
{
    relay_end(&relay);
    stage_add_transport();
    relay_init(&relay);
    kept = buffer_up_to(MIB(1));
    relay.back = swap_with_transport;
    program_opens();
    assert_int_equal(program_writes("transport"), 0);
    write_is_unknown(this);
    buffer_free(&kept);
}

static void show_kept(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store"))
        passing_reply(p, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(&kept));
}

static void keep_all(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "service:store"))
        keep_answer(p);
}

ATTACK(
    the_answer_to_another_program_is_not_taken, RUNTIME, "outcome.unknown",
    "The launcher runs a program twice and shows the sealed answer to one instance to the other.")
{
    static struct relay second;
    struct idevs_error err;

    kept = buffer_up_to(MIB(1));
    relay_init(&second);
    second.back = keep_all;
    struct idevs *other = relay_open(&second, &err);
    assert_non_null(other);
    assert_int_equal(
        idevs_write(other, "store", "/count", "application/json", "{}", 2, &program_reply), 0);
    idevs_close(other);
    relay_end(&second);
    relay.back = show_kept;
    program_opens();
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 2);
    program_refused(this);
    buffer_free(&kept);
}

/* Anybody who holds the program's certificate can have the gateway seal a refusal. */
static void ask_oneself(struct relay *r, struct passing *p)
{
    _cleanup_exchange_ struct exchange own;
    _cleanup_buffer_ struct buffer body = buffer_up_to(KIB(1));

    if (!passing_is(p, "service:store") || p->n > 0)
        return;
    actor_seal_raw(&store.keys, bytes_of_text("no Binary HTTP"), &own, &body);
    buffer_clear(&p->body);
    if (!buffer_append_bytes(&p->body, buffer_bytes(&body)))
        abort();
    relay_carry(r, p);
    if (strcmp(p->type, OHTTP_RESPONSE_TYPE) != 0)
        abort();
}

ATTACK(
    a_sealed_refusal_of_a_request_of_the_launchers_is_not_taken, RUNTIME, "outcome.unknown",
    "The launcher seals a malformed request of its own beside the program's certificate, and shows "
    "the gateway's sealed `not processed` as the answer to the program's write.")
{
    relay.back = ask_oneself;
    program_opens();
    write_is_unknown(this);
}

/* ---- several deliveries, of which one answer is shown ---- */

/* The same bytes again after they were carried out: `exchange.claimed`, in the seal. */
static void deliver_twice(struct relay *r, struct passing *p)
{
    if (passing_is(p, "service:store") && p->n == 0)
        relay_carry(r, p);
}

ATTACK(the_answer_to_a_second_delivery_causes_no_second_write, RUNTIME, "outcome.unknown",
       "The launcher delivers a write twice and shows the sealed refusal of the second delivery.")
{
    relay.back = deliver_twice;
    program_opens();
    write_is_unknown(this);
}

/* First beside a certificate that does not fit, which is refused in the seal; then as it should be;
 * shown is the refusal. */
static void deliver_beside_another(struct relay *r, struct passing *p)
{
    struct actor_program own = r->certified;

    if (!passing_is(p, "service:store") || p->n > 0)
        return;
    r->certified = store.program;
    relay_carry(r, p);
    r->certified = own;
    keep_answer(p);
    relay_carry(r, p);
    passing_reply(p, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(&kept));
}

ATTACK(a_refusal_got_by_another_certificate_causes_no_second_write, RUNTIME, "outcome.unknown",
       "The launcher delivers a write beside another program's certificate, then beside the right "
       "one, and shows the sealed refusal of the first delivery.")
{
    kept = buffer_up_to(MIB(1));
    relay.forth = deliver_beside_another;
    program_opens();
    write_is_unknown(this);
    buffer_free(&kept);
}

/* ---- withheld ---- */

static void withhold(struct relay *r, struct passing *p)
{
    (void)r;
    p->silent = passing_is(p, "service:store") && p->n == 0;
}

ATTACK(a_withheld_answer_causes_no_second_write, RUNTIME, "outcome.unknown",
       "The launcher delivers a write and withholds its answer.")
{
    relay.back = withhold;
    relay.attempt_ms = 1000;
    program_opens();
    write_is_unknown(this);
}

ATTACK(a_withheld_answer_to_write_once_is_asked_for_again, GATEWAY, ONCE,
       "The launcher delivers a `write_once` and withholds its answer: the program repeats it, the "
       "gateway answers it from memory.")
{
    relay.back = withhold;
    relay.attempt_ms = 1000;
    program_opens();
    assert_int_equal(idevs_write_once(program, "store", "/count", "sale-809", "application/json",
                                      "{}", 2, &program_reply),
                     0);
    assert_string_equal((const char *)program_reply.body, "1");
    assert_int_equal(fake_service_count(&store.service), 1);
    attack_refused(this, GATEWAY, ONCE);
}

/* The reply to the first exchange comes as the reply to the second. */
static void answer_late(struct relay *r, struct passing *p)
{
    static uint32_t first;
    (void)r;

    if (!passing_is(p, "service:store"))
        return;
    if (p->n == 0) {
        first = p->id;
        keep_answer(p);
        p->silent = true;
        return;
    }
    const struct frame late = {.id = first,
                               .kind = FRAME_REPLY,
                               .status = 200,
                               .type = bytes_of_text(OHTTP_RESPONSE_TYPE),
                               .body = buffer_bytes(&kept)};
    relay_frame(r, &late);
}

ATTACK(
    answers_in_another_order_are_not_mixed_up, RUNTIME, NOT_BELIEVED,
    "The launcher withholds an answer until the next is due and sends both, the older one first.")
{
    kept = buffer_up_to(MIB(1));
    relay.back = answer_late;
    relay.attempt_ms = 1000;
    program_opens();
    assert_int_equal(program_writes("store"), -1);
    assert_string_equal(idevs_last_error(program)->code, "outcome.unknown");
    assert_int_equal(program_writes("store"), 0);
    assert_string_equal((const char *)program_reply.body, "2");
    attack_refused(this, RUNTIME, NOT_BELIEVED);
    buffer_free(&kept);
}

/* ---- state ---- */

#define STATE_TARGET "service:store"

static void show_old_state(struct relay *r, struct passing *p)
{
    const unsigned *loads = r->context;

    if (!passing_is(p, STATE_TARGET))
        return;
    if (p->n == loads[0])
        keep_answer(p);
    if (p->n == loads[1])
        passing_reply(p, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(&kept));
}

ATTACK(an_old_answer_does_not_roll_the_state_back, RUNTIME, NOT_BELIEVED,
       "The launcher answers a load with the sealed answer to an earlier load.")
{
    const unsigned loads[2] = {2, 4}; /* after: load before the first save, save; and one save */

    kept = buffer_up_to(MIB(1));
    relay.back = show_old_state;
    relay.context = (void *)(uintptr_t)loads;
    program_opens();
    assert_int_equal(idevs_save(program, "store", "cursor", "809", 3), 0);
    assert_int_equal(idevs_load(program, "store", "cursor", &program_reply), 0);
    assert_int_equal(idevs_save(program, "store", "cursor", "810", 3), 0);
    assert_int_equal(idevs_load(program, "store", "cursor", &program_reply), 0);
    assert_int_equal(relay_count(&relay, STATE_TARGET), 6);
    assert_string_equal((const char *)program_reply.body, "810");
    attack_refused(this, RUNTIME, NOT_BELIEVED);
    buffer_free(&kept);
}

/* ---- frames ---- */

static void send_before(struct relay *r, struct passing *p)
{
    const struct frame *frame = r->context;

    if (passing_is(p, "service:store") && p->n == 0)
        relay_frame(r, frame);
}

static void with_frame(const struct attack *this, const struct frame *frame)
{
    relay.back = send_before;
    relay.context = (void *)(uintptr_t)frame;
    program_opens();
    if (program_writes("store") == 0) {
        assert_string_equal((const char *)program_reply.body, "1");
        attack_refused(this, RUNTIME, NOT_BELIEVED);
        return;
    }
    assert_string_equal(idevs_last_error(program)->code, "outcome.unknown");
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 1);
    program_refused(this);
}

ATTACK(a_reply_that_nobody_asked_for_is_dropped, RUNTIME, NOT_BELIEVED,
       "The launcher sends a reply to a request that was never made.")
{
    const struct frame frame = {
        .id = 4711, .kind = FRAME_REPLY, .status = 200, .type = bytes_of_text("text/plain")};

    with_frame(this, &frame);
}

ATTACK(an_unknown_event_ends_the_channel, RUNTIME, "frame.malformed",
       "The launcher sends the program an event that there is not.")
{
    const struct frame frame = {.kind = FRAME_EVENT, .target = bytes_of_text("restart")};

    with_frame(this, &frame);
}

ATTACK(a_request_to_the_program_ends_the_channel, RUNTIME, "frame.malformed",
       "The launcher sends the program a request, as if it served something.")
{
    const struct frame frame = {
        .id = 1, .kind = FRAME_REQUEST, .target = bytes_of_text("service:store")};

    with_frame(this, &frame);
}

/* Bytes that are no frame, in place of the reply. */
static void send_bytes(struct relay *r, struct passing *p)
{
    const struct bytes *bytes = r->context;

    if (!passing_is(p, "service:store") || p->n > 0)
        return;
    (void)!fd_write_all(r->channel, bytes->data, bytes->len);
    p->silent = true;
}

static void with_bytes(const struct attack *this, const void *data, size_t len)
{
    const struct bytes bytes = bytes_of(data, len);

    relay.back = send_bytes;
    relay.context = (void *)(uintptr_t)&bytes;
    program_opens();
    assert_int_equal(program_writes("store"), -1);
    assert_string_equal(idevs_last_error(program)->code, "outcome.unknown");
    assert_int_equal(program_writes("store"), -1);
    assert_int_equal(fake_service_count(&store.service), 1);
    program_refused(this);
}

ATTACK(a_frame_that_claims_four_gigabytes_ends_the_channel, RUNTIME, "frame.malformed",
       "The launcher announces a frame of 2^32 - 1 bytes.")
{
    with_bytes(this, "\xff\xff\xff\xff\0\0\0\1\2", 9);
}

ATTACK(a_frame_of_an_unknown_kind_ends_the_channel, RUNTIME, "frame.malformed",
       "The launcher sends a frame of a kind that there is not.")
{
    with_bytes(this, "\0\0\0\x0b\0\0\0\1\7\0\0\0\0\0\0", 15);
}

ATTACK(a_reply_with_a_target_ends_the_channel, RUNTIME, "frame.malformed",
       "The launcher sends a reply that names a target.")
{
    with_bytes(this, "\0\0\0\x0c\0\0\0\1\2\0\xc8\0\1a\0\0", 16);
}

ATTACK(lengths_inside_a_frame_that_do_not_fit_end_the_channel, RUNTIME, "frame.malformed",
       "The launcher sends a frame whose media type claims to be longer than the frame.")
{
    with_bytes(this, "\0\0\0\x0b\0\0\0\1\2\0\xc8\0\0\0\x50", 15);
}

static void send_oversize(struct relay *r, struct passing *p)
{
    (void)r;
    if (!passing_is(p, "service:store") || p->n > 0)
        return;
    buffer_clear(&p->reply);
    uint8_t *room = buffer_extend(&p->reply, LIMIT_CHANNEL_BODY + 1);
    if (!room)
        abort();
    memset(room, 0, LIMIT_CHANNEL_BODY + 1);
}

ATTACK(a_reply_over_the_limit_is_stepped_over, RUNTIME, "outcome.unknown",
       "The launcher answers a write with a reply longer than any: its bytes are dropped, and the "
       "next call works.")
{
    relay.back = send_oversize;
    program_opens();
    write_is_unknown(this);
    assert_int_equal(program_writes("store"), 0);
    assert_string_equal((const char *)program_reply.body, "2");
}

/* Without the launcher's pause there is none: what is left in the socket shows that the program
 * does not first read all that comes. */
ATTACK(a_flood_of_replies_does_not_keep_a_program_from_its_schedule, RUNTIME, NOT_BELIEVED,
       "The launcher sends replies that nobody asked for, and never ceases, while the program "
       "waits for "
       "its next tick.")
{
    const struct frame frame = {
        .id = 4711, .kind = FRAME_REPLY, .status = 200, .type = bytes_of_text("text/plain")};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(128));
    struct channel channel;
    int ends[2];
    char byte;

    while (frame_encode(&frame, &b))
        ;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    channel_open(&channel, ends[0], "launcher.unreachable");
    assert_int_equal(send(ends[1], b.data, b.len, MSG_DONTWAIT), b.len);
    assert_true(channel_sleep(&channel, clock_monotonic_ns()));
    assert_int_equal(recv(ends[0], &byte, 1, MSG_PEEK | MSG_DONTWAIT), 1);
    channel_close(&channel);
    close(ends[1]);
    attack_refused(this, RUNTIME, NOT_BELIEVED);
}

/* A reply is cut off and the channel closed: at each byte of it a channel of its own. */
ATTACK(a_frame_cut_off_at_any_byte_is_no_reply, RUNTIME, "launcher.unreachable",
       "The launcher cuts a reply's frame off and closes the channel, at every byte of the frame.")
{
    static const uint8_t REPLY[] = {0, 0, 0, 14, 0, 0, 0, 1, 2, 0, 200, 0, 0, 0, 1, 'a', 'b', 'c'};
    const struct channel_request request = {.target = "service:store", .type = ""};

    for (size_t n = 0; n < sizeof(REPLY); n++) {
        struct channel channel;
        struct frame got;
        struct idevs_error err = {0};
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        channel_open(&channel, ends[0], "launcher.unreachable");
        assert_true(fd_write_all(ends[1], REPLY, n));
        assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
        assert_false(channel_call(&channel, &request, UINT64_MAX, &got, &err));
        channel_close(&channel);
        close(ends[1]);
        attack_refused(this, RUNTIME, err.code);
    }
}

static const struct attack *const ATTACKS[] = {
    ROW(a_changed_answer_to_a_write_causes_no_second_write),
    ROW(an_answer_changed_at_any_byte_is_not_taken),
    ROW(an_answer_cut_off_at_any_byte_is_not_taken),
    ROW(a_forged_date_problem_causes_no_second_write),
    ROW(a_forged_key_problem_causes_no_second_write),
    ROW(a_refusal_without_a_seal_is_no_refusal),
    ROW(an_invented_answer_to_a_read_is_not_taken),
    ROW(an_invented_delivery_is_not_believed),
    ROW(an_invented_seal_does_not_open),
    ROW(a_changed_status_around_the_seal_causes_no_second_write),
    ROW(a_changed_type_around_the_seal_causes_no_second_write),
    ROW(the_answer_to_an_earlier_read_is_not_taken),
    ROW(the_answer_to_an_earlier_write_is_not_taken),
    ROW(the_answer_of_another_service_is_not_taken),
    ROW(the_answer_to_another_program_is_not_taken),
    ROW(a_sealed_refusal_of_a_request_of_the_launchers_is_not_taken),
    ROW(the_answer_to_a_second_delivery_causes_no_second_write),
    ROW(a_refusal_got_by_another_certificate_causes_no_second_write),
    ROW(a_withheld_answer_causes_no_second_write),
    ROW(a_withheld_answer_to_write_once_is_asked_for_again),
    ROW(answers_in_another_order_are_not_mixed_up),
    ROW(an_old_answer_does_not_roll_the_state_back),
    ROW(a_reply_that_nobody_asked_for_is_dropped),
    ROW(an_unknown_event_ends_the_channel),
    ROW(a_request_to_the_program_ends_the_channel),
    ROW(a_frame_that_claims_four_gigabytes_ends_the_channel),
    ROW(a_frame_of_an_unknown_kind_ends_the_channel),
    ROW(a_reply_with_a_target_ends_the_channel),
    ROW(lengths_inside_a_frame_that_do_not_fit_end_the_channel),
    ROW(a_reply_over_the_limit_is_stepped_over),
    ROW(a_flood_of_replies_does_not_keep_a_program_from_its_schedule),
    ROW(a_frame_cut_off_at_any_byte_is_no_reply),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "reply",
                              .begin = relay_begin,
                              .end = relay_finish,
                              .control = relay_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}

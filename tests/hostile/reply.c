/* What comes back to the program: answers changed, swapped, invented, withheld. A plain write is
 * never sent twice, whatever the launcher says of it. */
#include "relay.h"

#include <stdlib.h>
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

static const struct attack *const ATTACKS[] = {
    ROW(a_changed_answer_to_a_write_causes_no_second_write),
    ROW(an_answer_changed_at_any_byte_is_not_taken),
    ROW(an_answer_cut_off_at_any_byte_is_not_taken),
    ROW(a_forged_date_problem_causes_no_second_write),
    ROW(a_forged_key_problem_causes_no_second_write),
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

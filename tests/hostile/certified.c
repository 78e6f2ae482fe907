/* What a launcher hands a program as the authority's answers: challenges and certificates. */
#include "relay.h"

#include "wire/certificate_request.h"

#include <stdlib.h>

static void program_does_not_open(const struct attack *this)
{
    struct idevs_error err = {0};

    program = relay_open(&relay, &err);
    assert_null(program);
    assert_int_equal(relay_count(&relay, "service:store"), 0);
    attack_refused(this, RUNTIME, err.code);
}

static void reply_with_chain(struct passing *p, const struct chain *chain)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    if (!chain_to_pem(chain, &pem))
        abort();
    passing_reply(p, 200, "application/pem-certificate-chain", buffer_bytes(&pem));
}

/* A certificate for the key that the program asks for, by `ca`. */
static void certify(struct passing *p, const struct actor_ca *ca,
                    const struct actor_program_fields *fields)
{
    struct actor_program made;
    struct certificate_request request;
    struct csr csr;

    if (!passing_is(p, "authority:certificate"))
        return;
    if (!certificate_request_decode(buffer_bytes(&p->body), &request) ||
        !csr_parse(request.csr, &csr, NULL))
        abort();
    actor_program_certify(&made, csr.spki, ca, fields, clock_unix());
    reply_with_chain(p, &made.chain);
    actor_program_free(&made);
}

static void by_own_ca(struct relay *r, struct passing *p)
{
    certify(p, r->context, NULL);
}

ATTACK(a_certificate_of_an_authority_of_the_launchers_is_not_taken, RUNTIME, "certificate.chain",
       "The launcher certifies the program itself, under an authority of its own with the names of "
       "the "
       "real one.")
{
    struct actor_ca own;

    actor_ca_make(&own, "isolated", clock_unix());
    relay.forth = by_own_ca;
    relay.context = &own;
    program_does_not_open(this);
    actor_ca_free(&own);
}

static void in_the_past(struct relay *r, struct passing *p)
{
    const struct actor_program_fields fields = {.not_before = clock_unix() - 3700,
                                                .not_after = clock_unix() - 100};

    (void)r;
    certify(p, &store.tier, &fields);
}

ATTACK(a_certificate_that_has_ended_is_not_taken, RUNTIME, "certificate.expired",
       "The launcher withholds the program's certificate until its hour is over.")
{
    relay.forth = in_the_past;
    program_does_not_open(this);
}

static void of_another(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "authority:certificate"))
        reply_with_chain(p, &store.program.chain);
}

ATTACK(the_certificate_of_another_instance_is_not_taken, RUNTIME, "certificate.key",
       "The launcher runs a program twice and hands one instance the certificate of the other.")
{
    relay.forth = of_another;
    program_does_not_open(this);
}

static void of_the_ca(struct relay *r, struct passing *p)
{
    const struct chain chain = {.at = {store.tier.certificate}, .n = 1};

    (void)r;
    if (passing_is(p, "authority:certificate"))
        reply_with_chain(p, &chain);
}

ATTACK(the_certificate_of_the_ca_is_not_taken, RUNTIME, "certificate.key",
       "The launcher hands the program the tier CA's certificate as its own.")
{
    relay.forth = of_the_ca;
    program_does_not_open(this);
}

static void with_prose(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "authority:certificate") &&
        !buffer_append_text(&p->reply, "and now for something else\n"))
        abort();
}

ATTACK(text_after_a_certificate_is_refused, RUNTIME, "certificate.malformed",
       "The launcher appends text to the program's certificate.")
{
    relay.back = with_prose;
    program_does_not_open(this);
}

static void cut_off(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "authority:certificate"))
        p->reply.len /= 2;
}

ATTACK(a_certificate_cut_off_is_not_taken, RUNTIME, "certificate.malformed",
       "The launcher cuts the program's certificate off.")
{
    relay.back = cut_off;
    program_does_not_open(this);
}

static void shorten(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "authority:challenge"))
        p->reply.len = CHALLENGE_LEN / 2;
}

ATTACK(a_short_challenge_is_not_answered, RUNTIME, "authority.answer",
       "The launcher cuts the authority's challenge off, so that fewer answers are possible.")
{
    relay.back = shorten;
    program_does_not_open(this);
}

static const struct attack *const ATTACKS[] = {
    ROW(a_certificate_of_an_authority_of_the_launchers_is_not_taken),
    ROW(a_certificate_that_has_ended_is_not_taken),
    ROW(the_certificate_of_another_instance_is_not_taken),
    ROW(the_certificate_of_the_ca_is_not_taken),
    ROW(text_after_a_certificate_is_refused),
    ROW(a_certificate_cut_off_is_not_taken),
    ROW(a_short_challenge_is_not_answered),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "certified",
                              .begin = relay_begin,
                              .end = relay_finish,
                              .control = relay_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}

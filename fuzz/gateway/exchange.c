/* The gateway's whole verification against a model of it: a request in order, then up to three
 * twists of it at any layer. The model says, without looking at bytes, whether the gateway may
 * accept it and otherwise for which reason it must refuse: that of the twist which its order of
 * checks (docs/service-owners.md) meets first. Input: which request, then a twist and a choice, two
 * bytes each. */
#include "gateway/verify.h"

#include "draft.h"
#include "twists.h"

#include "fuzz.h"

#include <stdio.h>

static struct {
    bool made;
    struct twist_world twists;
    struct key *service_key;
    struct chain service;
    struct keyring keyring;
    struct bytes anchor;
    struct certificates *certificates;
    struct policy_program program;
    struct policy policy;
    struct steps steps;
} world;

static void make_policy(void)
{
    world.program = (struct policy_program){.name = TEST_PROGRAM,
                                            .methods = {"GET", "POST", "PUT", "DELETE"},
                                            .n_methods = 4,
                                            .paths = {"/api/*"},
                                            .n_paths = 1};
    world.policy = (struct policy){
        .names_programs = true,
        .programs = &world.program,
        .n_programs = 1,
        .terms = {.tiers = {"isolated"}, .n_tiers = 1, .back_ends = {"process"}, .n_back_ends = 1}};
}

static void make_world(void)
{
    world.made = true;
    twist_world_make(&world.twists, TWIST_NOW);
    actor_service_make(&world.twists.ca, "127.0.0.1", TWIST_NOW, &world.service_key,
                       &world.service);
    must(keyring_open(&world.keyring, &world.service, world.service_key, TWIST_NOW, NULL));
    world.anchor = certificate_der(world.twists.ca.certificate);
    world.certificates = certificates_new(TEST_AUTHORITY, &world.anchor, 1);
    make_policy();
}

/* What comes out is what was meant, and from whom. */
static void check_accepted(const struct draft *d, const struct verified *v)
{
    must(strcmp(v->caller->program.id, TEST_PROGRAM) == 0 && v->unprocessed);
    must(bytes_equal_text(v->message.method, d->method) &&
         bytes_equal_text(v->message.path, d->path) &&
         bytes_equal(v->message.content, buffer_bytes(&d->content)));
    must(http_count(&v->message, "content-type") == (d->type[0] != 0) &&
         http_count(&v->message, "idempotency-key") == (d->once[0] != 0));
}

/* That a request certainly was not processed is not said where another delivery of the same bytes
 * could fare better. */
static void check_refused(const struct verified *v, enum verdict verdict,
                          const struct idevs_error *err, const struct model *expected)
{
    if (verdict != expected->verdict || !model_permits(expected, err->code))
        fprintf(stderr, "verdict %d, %s: %s; expected %d, %s\n", (int)verdict, err->code,
                err->found, (int)expected->verdict,
                expected->n_codes ? expected->codes[0] : "acceptance");
    must(verdict == expected->verdict && model_permits(expected, err->code));
    must_be_refusal(err);
    if (strcmp(err->code, "request.date") == 0 || strcmp(err->code, "request.signature") == 0 ||
        strcmp(err->code, "exchange.claimed") == 0)
        must(!v->unprocessed);
}

static void verify(const struct verifier *verifier, const struct draft *d,
                   const struct http_message *outer, const struct model *expected)
{
    struct verified v;
    struct idevs_error err = {0};
    enum verdict verdict = verify_request(verifier, outer, TWIST_NOW, &v, &err);

    if (verdict == VERDICT_ACCEPTED && expected->verdict == VERDICT_ACCEPTED)
        check_accepted(d, &v);
    else
        check_refused(&v, verdict, &err, expected);
    verified_release(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    struct twisted t;
    struct model again = {.verdict = VERDICT_SEALED, .codes = {"exchange.claimed"}, .n_codes = 1};

    if (!world.made)
        make_world();
    _cleanup_claims_ struct claims *claims = claims_new(2);
    const struct verifier verifier = {.authority = TEST_AUTHORITY,
                                      .max_body = KIB(64),
                                      .keyring = &world.keyring,
                                      .policy = &world.policy,
                                      .certificates = world.certificates,
                                      .claims = claims,
                                      .steps = &world.steps};
    twist_request(&world.twists, &world.keyring.config, &r, &t);
    verify(&verifier, &t.draft, &t.outer, &t.model);
    if (t.model.verdict == VERDICT_ACCEPTED)
        verify(&verifier, &t.draft, &t.outer, &again); /* but once */
    draft_free(&t.draft);
    return 0;
}

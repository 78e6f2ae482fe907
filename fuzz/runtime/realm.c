#include "realm.h"
#include "base/alloc.h"
#include "base/text.h"
#include "gateway/states.h"
#include "wire/bhttp.h"
#include "wire/certificate_request.h"
#include "wire/cmw.h"

#include "fuzz.h"

#include <stdio.h>

#define LIFE 3600

/* ---- making it ---- */

static void make_service(struct realm *realm, struct realm_service *s, const char *name)
{
    static struct bytes anchor; /* of all */
    char host[24];

    s->name = name;
    snprintf(host, sizeof(host), "%s.example", name);
    snprintf(s->authority, sizeof(s->authority), "%s:8443", host);
    actor_service_make(&realm->services_ca, host, REALM_NOW, &s->key, &s->chain);
    must(keyring_open(&s->keyring, &s->chain, s->key, REALM_NOW, NULL));
    anchor = certificate_der(realm->root.certificate);
    s->certificates = certificates_new(s->authority, &anchor, 1);
}

static void make_manifest(struct realm *realm)
{
    struct manifest *m = &realm->manifest;

    *m = (struct manifest){.program = "free-ride",
                           .every = 1,
                           .memory = MIB(64),
                           .processes = 1,
                           .run_seconds = 5,
                           .logs = MANIFEST_LOGS_OPEN,
                           .authority_url = "https://authority.example",
                           .authority_anchors = {certificate_der(realm->root.certificate)},
                           .n_authority_anchors = 1,
                           .n_services = REALM_SERVICES};
    key_spki(realm->root.key, m->owner_spki);
    m->owner_seal_key[0] = 9;
    for (size_t i = 0; i < REALM_SERVICES; i++) {
        struct manifest_service *s = &m->services[i];
        snprintf(s->name, sizeof(s->name), "%s", realm->services[i].name);
        snprintf(s->authority, sizeof(s->authority), "%s", realm->services[i].authority);
        s->anchors[0] = certificate_der(realm->services_ca.certificate);
        s->n_anchors = 1;
        s->reads = i == 0;
        s->writes = i == 1;
    }
    realm->manifest_cbor = buffer_up_to(LIMIT_MANIFEST);
    must(manifest_encode(m, &realm->manifest_cbor));
}

struct realm *realm_make(void)
{
    struct realm *realm = alloc_zero(1, sizeof(*realm));

    actor_ca_make(&realm->root, "root", REALM_NOW);
    actor_ca_make(&realm->services_ca, "services", REALM_NOW);
    actor_program_make(&realm->stranger, &realm->root, NULL, REALM_NOW);
    make_service(realm, &realm->services[0], "store");
    make_service(realm, &realm->services[1], "transport");
    make_manifest(realm);
    return realm;
}

void realm_reset(struct realm *realm)
{
    for (size_t i = 0; i < realm->n_chains; i++)
        chain_free(&realm->chains[i]);
    realm->n_chains = 0;
    for (size_t i = 0; i < REALM_SERVICES; i++) {
        struct realm_service *s = &realm->services[i];
        claims_free(s->claims);
        buffer_free(&s->once);
        buffer_free(&s->state);
        s->claims = claims_new(1024);
        s->once = s->state = buffer_up_to(LIMIT_STATE_VALUE);
        s->n_done = 0;
        s->version = 0;
    }
}

/* ---- the authority ---- */

static void write_claims(const struct realm *realm, int64_t now, struct buffer *cmw)
{
    struct eat_claims c = {.issued_at = now,
                           .ueid = {1},
                           .debug = EAT_DEBUG_DISABLED,
                           .executable = {.present = true},
                           .manifest = {.present = true},
                           .back_end = "process",
                           .tier = "isolated",
                           .n_reads = 1,
                           .n_writes = 1};
    _cleanup_buffer_ struct buffer eat = buffer_up_to(KIB(8));

    memcpy(c.reads[0], realm->services[0].authority, sizeof(realm->services[0].authority));
    memcpy(c.writes[0], realm->services[1].authority, sizeof(realm->services[1].authority));
    must(eat_encode(&c, &eat) && cmw_encode(CMW_EAT_UCS, buffer_bytes(&eat), cmw));
}

void realm_certify(struct realm *realm, struct bytes request, int64_t now, struct buffer *pem)
{
    struct certificate_request r;
    struct csr csr;
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(KIB(8));
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    must(certificate_request_decode(request, &r) && csr_parse(r.csr, &csr, NULL));
    write_claims(realm, now, &cmw);
    const struct certificate_fields fields = {.subject = "free-ride",
                                              .spki = csr.spki,
                                              .not_before = now,
                                              .not_after = now + LIFE,
                                              .client_auth = true,
                                              .uri = TEST_PROGRAM,
                                              .cmw = buffer_bytes(&cmw)};
    must(certificate_make(&fields, realm->root.certificate, realm->root.key, &der));
    if (realm->n_chains == REALM_CHAINS)
        chain_free(&realm->chains[--realm->n_chains]);
    struct chain *chain = &realm->chains[realm->n_chains++];
    *chain = (struct chain){.at = {certificate_parse(buffer_bytes(&der), NULL)}, .n = 1};
    must(chain->at[0] && chain_to_pem(chain, pem));
}

/* ---- the gateways ---- */

void realm_keys(const struct realm_service *s, int64_t now, struct buffer *b)
{
    struct signed_keys keys = {0};

    must(signed_keys_make(&s->keyring.config, &s->chain, s->key, now, 3600, &keys) &&
         bhttp_encode_response(&keys.message, b));
    signed_keys_free(&keys);
}

static void seal(struct realm_answer *a, const struct exchange *x, struct http_message *m,
                 int64_t now)
{
    char date[HTTP_DATE_LEN + 1];

    http_date_format(now, date);
    a->status = 200;
    a->type = OHTTP_RESPONSE_TYPE;
    must(http_add(m, "date", bytes_of_text(date)) && exchange_seal_response(x, m, &a->body));
}

static void seal_refusal(struct realm_answer *a, const struct verified *v,
                         const struct idevs_error *err, int64_t now)
{
    struct http_message m = {.status = (uint16_t)code_find(err->code)->http_status};

    must(http_add(&m, "idevs-error", bytes_of_text(err->code)));
    if (v->unprocessed)
        must(http_add(&m, "idevs-processed", bytes_of_text("no")));
    seal(a, &v->exchange, &m, now);
}

/* The service: every act has an answer of its own. */
static void serve(struct realm_service *s, const struct verified *v, struct realm_answer *a,
                  int64_t now)
{
    struct http_message m = {.status = 200};
    struct bytes key;
    char text[64];

    bool once = http_get(&v->message, "idempotency-key", &key);
    a->carried_out = !once || s->once.len == 0;
    s->n_done += a->carried_out;
    snprintf(text, sizeof(text), "%s %u", s->name, s->n_done);
    if (once && a->carried_out)
        must(buffer_append_text(&s->once, text));
    m.content = once ? buffer_bytes(&s->once) : bytes_of_text(text);
    must(http_add(&m, "content-type", bytes_of_text("text/plain")));
    seal(a, &v->exchange, &m, now);
}

static void keep_state(struct realm_service *s, const struct verified *v, struct realm_answer *a,
                       int64_t now)
{
    struct state_request r;
    struct idevs_error err;
    struct http_message m = {.status = 404};
    char etag[32];

    must(state_request_parse(&v->message, &r, &err));
    if (r.is_put && (unsigned long)r.version != s->version) {
        refuse(&err, "state.conflict", "fuzzing");
        seal_refusal(a, v, &err, now);
        return;
    }
    if (r.is_put) {
        buffer_clear(&s->state);
        must(buffer_append_bytes(&s->state, r.content));
        s->version++;
    }
    snprintf(etag, sizeof(etag), "\"%lu\"", s->version);
    if (s->version) {
        m.status = r.is_put ? 204 : 200;
        m.content = r.is_put ? bytes_of(NULL, 0) : buffer_bytes(&s->state);
        must(http_add(&m, "etag", bytes_of_text(etag)));
    }
    seal(a, &v->exchange, &m, now);
}

static void accepted(struct realm_service *s, struct verified *v, enum realm_fate fate,
                     struct realm_answer *a, int64_t now)
{
    struct idevs_error err;

    if (path_is_state(v->message.path)) {
        keep_state(s, v, a, now);
    } else if (fate == FATE_UNREACHABLE) {
        refuse(&err, "service.unreachable", "fuzzing");
        seal_refusal(a, v, &err, now);
    } else {
        serve(s, v, a, now);
        if (fate != FATE_LOST)
            return;
        v->unprocessed = false;
        buffer_clear(&a->body);
        refuse(&err, "outcome.unknown", "fuzzing");
        seal_refusal(a, v, &err, now);
    }
}

void realm_deliver(struct realm_service *s, const struct chain *chain, struct bytes sealed,
                   int64_t now, enum realm_fate fate, struct realm_answer *ret)
{
    static const struct policy ALL;
    static struct steps steps;
    const struct verifier verifier = {.authority = s->authority,
                                      .max_body = LIMIT_BODY,
                                      .keyring = &s->keyring,
                                      .policy = &ALL,
                                      .certificates = s->certificates,
                                      .claims = s->claims,
                                      .steps = &steps};
    _cleanup_buffer_ struct buffer cert = buffer_up_to(LIMIT_CHAIN_BYTES * 2);
    _cleanup_buffer_ struct buffer above = buffer_up_to(LIMIT_CHAIN_BYTES * 2);
    struct http_message outer = {.method = bytes_of_text("POST"), .content = sealed};
    struct verified v;
    struct idevs_error err = {0};

    *ret = (struct realm_answer){.body = buffer_up_to(MIB(1))};
    must(client_cert_encode(chain, &cert, &above) &&
         http_add(&outer, "content-type", bytes_of_text(OHTTP_REQUEST_TYPE)) &&
         http_add(&outer, "client-cert", buffer_bytes(&cert)));
    switch (verify_request(&verifier, &outer, now, &v, &err)) {
    case VERDICT_ACCEPTED:
        accepted(s, &v, fate, ret, now);
        break;
    case VERDICT_SEALED:
        seal_refusal(ret, &v, &err, now);
        break;
    default:
        ret->status = 400;
        ret->type = "application/problem+json";
        must(buffer_append_format(&ret->body, "{\"code\": \"%s\"}", err.code));
    }
    verified_release(&v);
}

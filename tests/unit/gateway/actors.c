#include "actors.h"

#include "wire/cmw.h"
#include "wire/eat.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool good)
{
    if (!good)
        abort();
}

static struct certificate *make(const struct certificate_fields *fields,
                                const struct certificate *issuer, const struct key *issuer_key)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    struct certificate *c;

    must(certificate_make(fields, issuer, issuer_key, &der));
    must((c = certificate_parse(buffer_bytes(&der), NULL)) != NULL);
    return c;
}

void actor_ca_make(struct actor_ca *ca, const char *subject, int64_t now)
{
    uint8_t spki[SPKI_LEN];

    ca->key = key_generate();
    key_spki(ca->key, spki);
    const struct certificate_fields fields = {.subject = subject,
                                              .spki = spki,
                                              .not_before = now - 86400,
                                              .not_after = now + 86400,
                                              .is_ca = true};
    ca->certificate = make(&fields, NULL, ca->key);
}

void actor_ca_free(struct actor_ca *ca)
{
    certificate_free(ca->certificate);
    key_free(ca->key);
}

static void set(char *to, size_t size, const char *text, const char *otherwise)
{
    snprintf(to, size, "%s", text ? text : otherwise);
}

static void encode_claims(const struct actor_program_fields *f, int64_t now, struct buffer *b)
{
    _cleanup_buffer_ struct buffer eat = buffer_up_to(LIMIT_CERTIFICATE);
    struct eat_claims c = {.issued_at = now,
                           .ueid = {1},
                           .debug = EAT_DEBUG_DISABLED,
                           .executable = {.present = true},
                           .manifest = {.present = true},
                           .n_cpus = 2,
                           .memory = MIB(64)};

    set(c.hwmodel, sizeof(c.hwmodel), NULL, "a CPU");
    set(c.swname, sizeof(c.swname), NULL, "idevs-warden");
    set(c.swversion, sizeof(c.swversion), NULL, "0.1.0");
    set(c.tier, sizeof(c.tier), f->tier, "isolated");
    set(c.back_end, sizeof(c.back_end), f->back_end, "process");
    set(c.reads[0], sizeof(c.reads[0]), f->reads, TEST_AUTHORITY);
    set(c.writes[0], sizeof(c.writes[0]), f->writes, TEST_AUTHORITY);
    c.n_reads = c.reads[0][0] != 0;
    c.n_writes = c.writes[0][0] != 0;
    memset(c.executable.sha256, f->executable, sizeof(c.executable.sha256));
    if (f->also) {
        set(c.reads[c.n_reads++], sizeof(c.reads[0]), f->also, NULL);
        set(c.writes[c.n_writes++], sizeof(c.writes[0]), f->also, NULL);
    }
    must(eat_encode(&c, &eat) && cmw_encode(CMW_EAT_UCS, buffer_bytes(&eat), b));
}

void actor_program_certify(struct actor_program *p, const uint8_t spki[SPKI_LEN],
                           const struct actor_ca *ca, const struct actor_program_fields *f,
                           int64_t now)
{
    static const struct actor_program_fields NONE;
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_CERTIFICATE);

    f = f ? f : &NONE;
    encode_claims(f, now, &cmw);
    const struct certificate_fields fields = {.subject = "free-ride",
                                              .spki = spki,
                                              .not_before =
                                                  f->not_before ? f->not_before : now - 1800,
                                              .not_after = f->not_after ? f->not_after : now + 1800,
                                              .client_auth = true,
                                              .uri = f->id ? f->id : TEST_PROGRAM,
                                              .cmw = buffer_bytes(&cmw)};
    *p = (struct actor_program){.chain = {.at = {make(&fields, ca->certificate, ca->key)}, .n = 2}};
    must((p->chain.at[1] = certificate_parse(certificate_der(ca->certificate), NULL)) != NULL);
    certificate_sha256(p->chain.at[0], p->keyid);
    p->cert = p->cert_chain = buffer_up_to(LIMIT_CHAIN_BYTES * 2);
    must(client_cert_encode(&p->chain, &p->cert, &p->cert_chain));
}

void actor_program_make(struct actor_program *p, const struct actor_ca *ca,
                        const struct actor_program_fields *f, int64_t now)
{
    struct key *key = key_generate();
    uint8_t spki[SPKI_LEN];

    key_spki(key, spki);
    actor_program_certify(p, spki, ca, f, now);
    p->key = key;
}

void actor_program_free(struct actor_program *p)
{
    key_free(p->key);
    chain_free(&p->chain);
    buffer_free(&p->cert);
    buffer_free(&p->cert_chain);
}

void actor_service_make(const struct actor_ca *ca, const char *host, int64_t now,
                        struct key **ret_key, struct chain *ret_chain)
{
    uint8_t spki[SPKI_LEN];

    *ret_key = key_generate();
    key_spki(*ret_key, spki);
    const struct certificate_fields fields = {.subject = "service",
                                              .spki = spki,
                                              .not_before = now - 1800,
                                              .not_after = now + 36000,
                                              .server_auth = true,
                                              .host = host};
    *ret_chain = (struct chain){.at = {make(&fields, ca->certificate, ca->key)}, .n = 1};
}

struct http_message actor_request(const char *method, const char *path, const char *key,
                                  const char *type, struct bytes content)
{
    struct http_message m = {.method = bytes_of_text(method),
                             .scheme = bytes_of_text("https"),
                             .authority = bytes_of_text(TEST_AUTHORITY),
                             .path = bytes_of_text(path),
                             .content = content};

    must(!type || http_add(&m, "content-type", bytes_of_text(type)));
    must(!key || http_add(&m, "idempotency-key", bytes_of_text(key)));
    return m;
}

void actor_seal(const struct actor_program *p, const struct ohttp_key_config *to,
                const struct http_message *m, int64_t now, struct exchange *ret,
                struct buffer *sealed)
{
    struct exchange_signer signer = {.key = p->key};

    memcpy(signer.keyid, p->keyid, SHA256_LEN);
    buffer_clear(sealed);
    must(exchange_seal_request(to, &signer, m, now, NULL, ret, sealed));
}

void actor_encapsulate(const struct ohttp_key_config *to, struct exchange *ret)
{
    must(exchange_begin(to, ret));
}

void actor_seal_encapsulated(const struct ohttp_key_config *to, struct bytes plain,
                             struct exchange *x, struct buffer *sealed)
{
    buffer_clear(sealed);
    must(exchange_seal_bytes(x, to, plain, sealed));
}

void actor_seal_raw(const struct ohttp_key_config *to, struct bytes plain, struct exchange *ret,
                    struct buffer *sealed)
{
    actor_encapsulate(to, ret);
    actor_seal_encapsulated(to, plain, ret, sealed);
}

struct http_message actor_outer(const struct actor_program *p, struct bytes sealed)
{
    struct http_message m = {.method = bytes_of_text("POST"),
                             .path = bytes_of_text("/.well-known/ohttp-gateway"),
                             .content = sealed};

    must(http_add(&m, "content-type", bytes_of_text(OHTTP_REQUEST_TYPE)) &&
         http_add(&m, "client-cert", buffer_bytes(&p->cert)) &&
         http_add(&m, "client-cert-chain", buffer_bytes(&p->cert_chain)));
    return m;
}

#include "gateway/certificates.h"
#include "base/alloc.h"
#include "exchange/keys.h"
#include "wire/cmw.h"

#include <stdlib.h>

#define TABLE 2048 /* chains; a power of two */
/* Both fields together, in base64 with separators. */

struct entry {
    struct caller caller; /* first: caller_release() finds the entry by it */
    unsigned references;  /* the cache's one included */
    uint8_t digest[SHA256_LEN];
    int64_t not_before; /* less the skew of clocks */
    int64_t not_after;
    int64_t verified_at;
    size_t issuer; /* for revocations_check() */
    struct entry *next_in_table;
    struct entry *newer;
    struct entry *older;
};

struct certificates {
    const char *authority;
    const struct bytes *anchors;
    size_t n_anchors;
    const struct revocations *revocations; /* NULL: none are known */
    struct entry *table[TABLE];
    struct entry *newest;
    struct entry *oldest;
    size_t n;
};

struct certificates *certificates_new(const char *authority, const struct bytes *anchors,
                                      size_t n_anchors)
{
    struct certificates *c = alloc_zero(1, sizeof(*c));

    c->authority = authority;
    c->anchors = anchors;
    c->n_anchors = n_anchors;
    return c;
}

void certificates_heed(struct certificates *c, const struct revocations *revocations)
{
    c->revocations = revocations;
}

void caller_release(struct caller *caller)
{
    struct entry *e = (struct entry *)caller;

    if (!e || --e->references > 0)
        return;
    chain_free(&e->caller.chain);
    program_free(&e->caller.program);
    buffer_free(&e->caller.cert);
    buffer_free(&e->caller.cert_chain);
    free(e);
}

static struct entry **chain_of(struct certificates *c, const uint8_t digest[SHA256_LEN])
{
    return &c->table[((size_t)digest[0] << 8 | digest[1]) % TABLE];
}

static void unlink_age(struct certificates *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct certificates *c, struct entry *e)
{
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct certificates *c, struct entry *e)
{
    struct entry **link = chain_of(c, e->digest);

    while (*link != e)
        link = &(*link)->next_in_table;
    *link = e->next_in_table;
    unlink_age(c, e);
    c->n--;
    caller_release(&e->caller);
}

void certificates_free(struct certificates *certificates)
{
    if (!certificates)
        return;
    while (certificates->oldest)
        drop(certificates, certificates->oldest);
    free(certificates);
}

size_t certificates_count(const struct certificates *certificates)
{
    return certificates->n;
}

/* Takes over the caller's reference. */
static void insert(struct certificates *c, struct entry *e)
{
    struct entry **chain = chain_of(c, e->digest);

    if (c->n == LIMIT_CACHED_CHAINS)
        drop(c, c->oldest);
    e->next_in_table = *chain;
    *chain = e;
    link_newest(c, e);
    c->n++;
}

/* Both fields with the length of the first between them, so that no two pairs hash alike. */
static void digest_fields(struct bytes cert, struct bytes cert_chain, uint8_t ret[SHA256_LEN])
{
    uint64_t len = cert.len;
    struct sha256_run *run = sha256_begin();

    sha256_add(run, bytes_of(&len, sizeof(len)));
    sha256_add(run, cert);
    sha256_add(run, cert_chain);
    sha256_end(run, ret);
}

static struct entry *lookup(struct certificates *c, const uint8_t digest[SHA256_LEN])
{
    for (struct entry *e = *chain_of(c, digest); e; e = e->next_in_table)
        if (memcmp(e->digest, digest, sizeof(e->digest)) == 0)
            return e;
    return NULL;
}

/* The authority's clock may be a little ahead of ours: what it has just issued is valid already. */
static int64_t time_of_check(const struct certificate *leaf, int64_t now)
{
    int64_t from = certificate_not_before(leaf);

    return from > now && from - now <= LIMIT_CLOCK_SKEW ? from : now;
}

/* Keeps of the chain only what the path to an anchor needs: the rest is nobody's word, and would
 * reach the service as verified. */
static bool verify_shortest(const struct certificates *c, struct chain *chain, int64_t now,
                            struct idevs_error *err)
{
    struct chain part = *chain;
    int64_t at = time_of_check(chain->at[0], now);

    for (part.n = 1; part.n <= chain->n; part.n++)
        if (chain_verify(&part, c->anchors, c->n_anchors, CHAIN_PROGRAM, at, err))
            break;
    if (part.n > chain->n)
        return false;
    while (chain->n > part.n) {
        certificate_free(chain->at[--chain->n]);
        chain->at[chain->n] = NULL;
    }
    return true;
}

static void find_validity(struct entry *e)
{
    e->not_before = INT64_MIN;
    e->not_after = INT64_MAX;
    for (size_t i = 0; i < e->caller.chain.n; i++) {
        int64_t from = certificate_not_before(e->caller.chain.at[i]);
        int64_t to = certificate_not_after(e->caller.chain.at[i]);
        e->not_before = from > e->not_before ? from : e->not_before;
        e->not_after = to < e->not_after ? to : e->not_after;
    }
    e->not_before -= LIMIT_CLOCK_SKEW;
}

static bool read_claims(const struct certificates *c, struct caller *caller,
                        struct idevs_error *err)
{
    const struct certificate *leaf = caller->chain.at[0];
    struct eat_claims claims;
    struct bytes cmw;
    struct bytes type;
    struct bytes value;
    char id[LIMIT_PROGRAM_URI];

    if (!certificate_uri(leaf, id, sizeof(id)) || !certificate_public_key(leaf))
        return refuse(err, "certificate.malformed", "no SPIFFE ID, or no P-256 key");
    if (!certificate_cmw(leaf, &cmw) || !cmw_decode(cmw, &type, &value) ||
        !bytes_equal_text(type, CMW_EAT_UCS) || !eat_decode(value, &claims))
        return refuse(err, "certificate.malformed", "no readable attestation result");
    program_from_claims(id, &claims, c->authority, &caller->program);
    return true;
}

static bool fill(const struct certificates *c, struct entry *e, struct bytes cert,
                 struct bytes cert_chain, int64_t now, struct idevs_error *err)
{
    struct caller *caller = &e->caller;

    if (!client_cert_decode(cert, cert_chain, &caller->chain, err) ||
        !verify_shortest(c, &caller->chain, now, err) || !read_claims(c, caller, err))
        return false;
    if (!client_cert_encode(&caller->chain, &caller->cert, &caller->cert_chain))
        return refuse(err, "certificate.malformed", "a chain too large to pass on");
    if (c->revocations &&
        !revocations_find_issuer(c->revocations, caller->chain.at[0], &e->issuer, err))
        return false;
    find_validity(e);
    e->verified_at = now;
    return true;
}

/* A cached path ages: an anchor may have expired since. */
static bool still_valid(const struct certificates *c, struct entry *e, int64_t now,
                        struct idevs_error *err)
{
    if (now < e->not_before || now > e->not_after)
        return refuse(err, "certificate.expired", "%s", e->caller.program.id);
    if (now >= e->verified_at && now - e->verified_at < LIMIT_VERIFIED_LIFE)
        return true;
    int64_t at = time_of_check(e->caller.chain.at[0], now);
    if (!chain_verify(&e->caller.chain, c->anchors, c->n_anchors, CHAIN_PROGRAM, at, err))
        return false;
    e->verified_at = now;
    return true;
}

static struct entry *validate(struct certificates *c, struct bytes cert, struct bytes cert_chain,
                              int64_t now, struct idevs_error *err)
{
    struct entry *e = alloc_zero(1, sizeof(*e));

    e->references = 1;
    e->caller.cert = buffer_up_to(LIMIT_CLIENT_CERT);
    e->caller.cert_chain = buffer_up_to(LIMIT_CLIENT_CERT);
    if (fill(c, e, cert, cert_chain, now, err))
        return e;
    caller_release(&e->caller);
    return NULL;
}

/* The newest entry afterwards; NULL when refused. */
static struct entry *find(struct certificates *c, struct bytes cert, struct bytes cert_chain,
                          int64_t now, struct idevs_error *ret_err)
{
    uint8_t digest[SHA256_LEN];

    digest_fields(cert, cert_chain, digest);
    struct entry *e = lookup(c, digest);
    if (e && !still_valid(c, e, now, ret_err)) {
        drop(c, e);
        return NULL;
    }
    if (e) {
        unlink_age(c, e);
        link_newest(c, e);
        return e;
    }
    e = validate(c, cert, cert_chain, now, ret_err);
    if (!e)
        return NULL;
    memcpy(e->digest, digest, sizeof(digest));
    insert(c, e);
    return e;
}

struct caller *certificates_find(struct certificates *c, struct bytes cert, struct bytes cert_chain,
                                 int64_t now, struct idevs_error *ret_err)
{
    if (cert.len == 0 || cert.len + cert_chain.len > LIMIT_CLIENT_CERT) {
        refuse(ret_err, "certificate.malformed", "%zu bytes of client certificates",
               cert.len + cert_chain.len);
        return NULL;
    }
    struct entry *e = find(c, cert, cert_chain, now, ret_err);
    /* A revoked one stays in the cache, where it costs least to refuse it again. */
    if (!e || (c->revocations &&
               !revocations_check(c->revocations, e->issuer, e->caller.chain.at[0], now, ret_err)))
        return NULL;
    e->references++;
    return &e->caller;
}

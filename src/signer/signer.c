#include "signer/signer.h"
#include "base/alloc.h"
#include "base/text.h"
#include "wire/cmw.h"
#include "wire/eat.h"

#include <stdio.h>
#include <stdlib.h>

#define SPIFFE "spiffe://"

/* ---- credentials ---- */

static bool take_trust_domain(struct signer *s, const struct certificate *issuer,
                              struct idevs_error *ret_err)
{
    char uri[sizeof(s->trust_domain)];

    if (!certificate_uri(issuer, uri, sizeof(uri)) || strncmp(uri, SPIFFE, strlen(SPIFFE)) != 0 ||
        !authority_is_valid(uri + strlen(SPIFFE)))
        return refuse(ret_err, "certificate.malformed", "an issuer without a trust domain");
    if (s->trust_domain[0] && strcmp(s->trust_domain, uri + strlen(SPIFFE)) != 0)
        return refuse(ret_err, "certificate.name", "issuers of two trust domains");
    snprintf(s->trust_domain, sizeof(s->trust_domain), "%s", uri + strlen(SPIFFE));
    return true;
}

bool signer_add(struct signer *s, enum tier tier, struct bytes key_pem, struct bytes issuer_pem,
                struct idevs_error *ret_err)
{
    _cleanup_key_ struct key *key = key_load(key_pem, ret_err);
    _cleanup_chain_ struct chain chain = {0};

    if (!key || !chain_from_pem(issuer_pem, &chain, ret_err))
        return false;
    if (chain.n != 1 || !certificate_is_for(chain.at[0], key))
        return refuse(ret_err, "certificate.key", "the key of tier %s and another's certificate",
                      tier_name(tier));
    if (!take_trust_domain(s, chain.at[0], ret_err))
        return false;
    s->keys[tier] = key;
    s->issuers[tier] = chain.at[0];
    key = NULL;
    chain.n = 0;
    return true;
}

void signer_free(struct signer *s)
{
    for (unsigned i = 0; i < TIERS; i++) {
        key_free(s->keys[i]);
        certificate_free(s->issuers[i]);
    }
    *s = (struct signer){0};
}

/* ---- every field again ---- */

static bool check_times(const struct signer_request *r, const struct certificate *issuer,
                        int64_t now, struct idevs_error *ret_err)
{
    if (r->not_before < now - LIMIT_CLOCK_SKEW || r->not_before > now + LIMIT_CLOCK_SKEW)
        return refuse(ret_err, "signer.request", "notBefore %lld at time %lld",
                      (long long)r->not_before, (long long)now);
    if (r->not_after <= r->not_before || r->not_after > r->not_before + LIMIT_CERTIFICATE_LIFE)
        return refuse(ret_err, "signer.request", "notAfter %lld, notBefore %lld",
                      (long long)r->not_after, (long long)r->not_before);
    if (r->not_before < certificate_not_before(issuer) ||
        r->not_after > certificate_not_after(issuer))
        return refuse(ret_err, "signer.request", "a life beyond that of the issuer");
    return true;
}

/* The claims are written again from what was read, so the certificate holds our encoding. */
static bool check_claims(const struct signer_request *r, struct buffer *b,
                         struct idevs_error *ret_err)
{
    struct eat_claims claims;

    if (!eat_decode(r->claims, &claims) || !eat_encode(&claims, b))
        return refuse(ret_err, "signer.request", "claims that are no EAT");
    if (strcmp(claims.tier, tier_name(r->tier)) != 0)
        return refuse(ret_err, "signer.request", "claims of tier %s for the key of tier %s",
                      claims.tier, tier_name(r->tier));
    if (!claims.breakers[0] || !claims.policy[0] || !claims.owner[0])
        return refuse(ret_err, "signer.request", "claims that are no attestation result");
    if (claims.debug != EAT_DEBUG_DISABLED && r->tier != TIER_DEVELOPMENT)
        return refuse(ret_err, "signer.request", "debugging enabled in tier %s",
                      tier_name(r->tier));
    return true;
}

static bool check_subject(const struct signer *s, const struct signer_request *r,
                          struct idevs_error *ret_err)
{
    if (!s->keys[r->tier])
        return refuse(ret_err, "signer.request", "tier %s, which has no key", tier_name(r->tier));
    if (!name_is_valid(r->program, LIMIT_PROGRAM_NAME))
        return refuse(ret_err, "signer.request", "program name %s", r->program);
    _cleanup_public_key_ struct public_key *key = public_key_from_spki(r->spki);
    if (!key)
        return refuse(ret_err, "signer.request", "%zu bytes that are no P-256 key", r->spki.len);
    return true;
}

static bool issue(const struct signer *s, const struct signer_request *r, struct bytes claims,
                  struct buffer *der, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_CERTIFICATE);
    char uri[sizeof(SPIFFE) + sizeof(s->trust_domain) + sizeof("/program/") + LIMIT_PROGRAM_NAME];
    struct certificate_fields fields = {
        .subject = r->program,
        .spki = r->spki.data,
        .not_before = r->not_before,
        .not_after = r->not_after,
        .client_auth = true,
        .uri = uri,
    };

    snprintf(uri, sizeof(uri), "%s%s/program/%s", SPIFFE, s->trust_domain, r->program);
    if (!cmw_encode(CMW_EAT_UCS, claims, &cmw))
        return refuse(ret_err, "signer.request", "claims of %zu bytes", claims.len);
    fields.cmw = buffer_bytes(&cmw);
    if (!certificate_make(&fields, s->issuers[r->tier], s->keys[r->tier], der))
        return refuse(ret_err, "internal", "the certificate cannot be made");
    return true;
}

/* Everything is checked before anything is signed. */
static bool answer(const struct signer *s, struct bytes request, int64_t now, struct buffer *der,
                   struct idevs_error *ret_err)
{
    struct signer_request r;
    _cleanup_buffer_ struct buffer claims = buffer_up_to(LIMIT_SIGNER_CLAIMS);

    if (!signer_request_decode(request, &r))
        return refuse(ret_err, "signer.request", "%zu bytes that are no request", request.len);
    return check_subject(s, &r, ret_err) && check_times(&r, s->issuers[r.tier], now, ret_err) &&
           check_claims(&r, &claims, ret_err) && issue(s, &r, buffer_bytes(&claims), der, ret_err);
}

void signer_answer(struct signer *s, struct bytes request, int64_t now, struct buffer *b)
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_REVOCATION_LIST);
    struct signer_list list;
    struct idevs_error err;
    bool is_list = signer_list_decode(request, &list);
    bool done =
        is_list ? signer_sign_list(s, &list, now, &der, &err) : answer(s, request, now, &der, &err);

    if (!done)
        done = signer_refusal_encode(&err, b);
    else if (is_list)
        done = signer_list_answer_encode(buffer_bytes(&der), b);
    else
        done = signer_answer_encode(buffer_bytes(&der), b);
    if (!done)
        abort(); /* `b` is LIMIT_SIGNER_LIST, the parts are less */
}

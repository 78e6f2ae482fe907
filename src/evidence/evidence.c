#include "evidence/evidence.h"
#include "evidence/technology.h"
#include "wire/cmw.h"

static const struct evidence_technology *const TECHNOLOGIES[] = {
    &evidence_provider_signed,
    &evidence_tpm_quoted,
};

static const struct evidence_technology *find_technology(struct bytes media_type)
{
    for (size_t i = 0; i < ARRAY_LEN(TECHNOLOGIES); i++)
        if (bytes_equal_text(media_type, TECHNOLOGIES[i]->media_type))
            return TECHNOLOGIES[i];
    return NULL;
}

/* What only an authority may say. */
static bool claims_a_result(const struct eat_claims *c)
{
    return c->tier[0] || c->breakers[0] || c->policy[0] || c->owner[0] || c->n_reads || c->n_writes;
}

bool evidence_find_tpm(const struct evidence_context *context, const struct eat_claims *claims,
                       struct tpm_platform *ret)
{
    return context->find_tpm && context->find_tpm(context->arg, evidence_platform_id(claims), ret);
}

bool evidence_verify(struct bytes cmw, const struct evidence_context *context,
                     struct eat_claims *ret, struct idevs_error *ret_err)
{
    struct bytes media_type;
    struct bytes value;
    struct eat_claims claims;

    if (cmw.len > LIMIT_EVIDENCE || !cmw_decode(cmw, &media_type, &value))
        return refuse(ret_err, "evidence.malformed", "%zu bytes that are no CMW record", cmw.len);
    const struct evidence_technology *technology = find_technology(media_type);
    if (!technology)
        return refuse(ret_err, "evidence.malformed", "media type %.*s",
                      (int)(media_type.len < 64 ? media_type.len : 64), media_type.data);
    if (!technology->verify(value, context, &claims, ret_err))
        return false;
    if (claims_a_result(&claims))
        return refuse(ret_err, "evidence.malformed", "claims that only an authority may make");
    *ret = claims;
    return true;
}

const uint8_t *evidence_platform_id(const struct eat_claims *claims)
{
    return claims->ueid + 1;
}

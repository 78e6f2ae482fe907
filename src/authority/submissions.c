#include "authority/submissions.h"
#include "exchange/cose.h"
#include "wire/cose.h"

bool submit_approval(struct registry *r, struct bytes body, int64_t now, struct approval *ret,
                     struct idevs_error *ret_err)
{
    struct cose_sign1 m;
    struct registry_owner owner;
    struct bytes payload;

    if (body.len > LIMIT_APPROVAL || !cose_decode(body, &m))
        return refuse(ret_err, "approval.signature", "%zu bytes that are no approval", body.len);
    if (m.kid.len != SHA256_LEN)
        return refuse(ret_err, "approval.signature", "a key id of %zu bytes", m.kid.len);
    if (!registry_find_owner(r, m.kid.data, &owner, ret_err))
        return false;
    _cleanup_public_key_ struct public_key *key =
        public_key_from_spki(bytes_of(owner.spki, sizeof(owner.spki)));
    if (!key || !cose_verify(key, APPROVAL_TYPE, body, &payload))
        return refuse(ret_err, "approval.signature", "a signature of another key or text");
    if (!approval_decode(payload, ret))
        return refuse(ret_err, "approval.signature", "a signed text that is no approval");
    if (ret->issued_at > now + LIMIT_SUBMISSION_AHEAD)
        return refuse(ret_err, "approval.date", "an approval %lld s ahead",
                      (long long)(ret->issued_at - now));
    return registry_add_approval(r, owner.id, ret, payload, body, ret_err);
}

bool submit_platform(struct registry *r, struct bytes body, int64_t now, enum tier *ret_tier,
                     struct idevs_error *ret_err)
{
    struct cose_sign1 m;
    struct platform_request request;
    struct bytes payload;

    if (body.len > LIMIT_PLATFORM_REQUEST || !cose_decode(body, &m) ||
        !platform_request_decode(m.payload, &request))
        return refuse(ret_err, "platform.request", "%zu bytes that are no request", body.len);
    _cleanup_public_key_ struct public_key *key =
        public_key_from_spki(bytes_of(request.spki, sizeof(request.spki)));
    if (!key)
        return refuse(ret_err, "platform.request", "a key that is not P-256");
    if (!cose_verify(key, PLATFORM_REQUEST_TYPE, body, &payload))
        return refuse(ret_err, "platform.request", "a signature of another key or text");
    return registry_enrol(r, &request, now, ret_tier, ret_err);
}

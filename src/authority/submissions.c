#include "authority/submissions.h"
#include "crypto/credential.h"
#include "exchange/attestation.h"
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

/* The only key that may sign a platform's request is the one that it is about. */
static bool check_signed(struct bytes body, const char *type, const uint8_t spki[SPKI_LEN],
                         struct idevs_error *ret_err)
{
    struct bytes payload;
    _cleanup_public_key_ struct public_key *key = public_key_from_spki(bytes_of(spki, SPKI_LEN));

    if (!key)
        return refuse(ret_err, "platform.request", "a key that is not P-256");
    return cose_verify(key, type, body, &payload) ||
           refuse(ret_err, "platform.request", "a signature of another key or text");
}

/* Signed by a registered owner: `ret->owner`. */
static bool read_revocation(struct registry *r, struct bytes body, struct revoked_by *ret,
                            struct bytes *ret_payload, struct idevs_error *ret_err)
{
    struct cose_sign1 m;

    if (body.len > LIMIT_REVOCATION || !cose_decode(body, &m) || m.kid.len != SHA256_LEN)
        return refuse(ret_err, "revocation.signature", "%zu bytes that are no request", body.len);
    if (!registry_find_owner(r, m.kid.data, &ret->owner, ret_err))
        return error_is(ret_err, "approval.owner")
                   ? refuse(ret_err, "revocation.right", "a key that is nobody's here")
                   : false;
    _cleanup_public_key_ struct public_key *key =
        public_key_from_spki(bytes_of(ret->owner.spki, sizeof(ret->owner.spki)));
    if (!key || !cose_verify(key, REVOCATION_TYPE, body, ret_payload))
        return refuse(ret_err, "revocation.signature", "a signature of another key or text");
    return revocation_decode(*ret_payload, &ret->what) ||
           refuse(ret_err, "revocation.signature", "a signed text that is no request to revoke");
}

bool submit_revocation(struct registry *r, struct bytes body, int64_t now, bool has_room,
                       struct revoked_by *ret, struct idevs_error *ret_err)
{
    struct bytes payload = {0};

    if (!read_revocation(r, body, ret, &payload, ret_err))
        return false;
    if (ret->what.issued_at > now + LIMIT_SUBMISSION_AHEAD ||
        ret->what.issued_at < now - LIMIT_SUBMISSION_AHEAD)
        return refuse(ret_err, "revocation.date", "a request %lld s off",
                      (long long)(ret->what.issued_at - now));
    if (!has_room && !ret->owner.administrator)
        return refuse(ret_err, "authority.busy", "more than %d submissions a second",
                      LIMIT_SUBMISSIONS_PER_SECOND);
    return registry_revoke(r, &ret->owner, &ret->what, payload, body, now, &ret->n, ret_err);
}

bool submit_platform(struct registry *r, struct bytes body, int64_t now, enum tier *ret_tier,
                     struct idevs_error *ret_err)
{
    struct cose_sign1 m;
    struct platform_request request;

    if (body.len > LIMIT_PLATFORM_REQUEST || !cose_decode(body, &m) ||
        !platform_request_decode(m.payload, &request))
        return refuse(ret_err, "platform.request", "%zu bytes that are no request", body.len);
    return check_signed(body, PLATFORM_REQUEST_TYPE, request.spki, ret_err) &&
           registry_enrol(r, &request, now, ret_tier, ret_err);
}

/* ---- with a TPM ---- */

static bool read_tpm_request(struct bytes body, struct tpm_platform_request *ret,
                             struct platform_request *ret_platform, struct idevs_error *ret_err)
{
    struct cose_sign1 m;

    if (body.len > LIMIT_TPM_PLATFORM || !cose_decode(body, &m) ||
        !tpm_platform_request_decode(m.payload, ret) ||
        !platform_request_decode(ret->platform, ret_platform))
        return refuse(ret_err, "platform.request", "%zu bytes that are no request", body.len);
    return check_signed(body, TPM_PLATFORM_TYPE, ret_platform->spki, ret_err);
}

/* The key is one that signs only what its TPM made, and the quote is of now: over this token. */
static bool take_tpm(const struct tpm_platform_request *request,
                     const struct platform_request *platform, struct tpm_platform *ret,
                     struct idevs_error *ret_err)
{
    uint8_t nonce[TPM_DIGEST_LEN];

    if (!tpm_ak_decode(request->key, ret->key))
        return refuse(ret_err, "platform.tpm", "a key that is no attestation key");
    tpm_enrolment_nonce(platform->spki, platform->proof, nonce);
    return tpm_take_quote(request->quote, nonce, ret, ret_err);
}

static bool hide(const struct vendor_key *endorsement, struct bytes key,
                 uint8_t ret_secret_sha256[SHA256_LEN], struct buffer *credential,
                 struct idevs_error *ret_err)
{
    uint8_t secret[TPM_SECRET_LEN];

    _Static_assert(TPM_SECRET_LEN == CREDENTIAL_SECRET_LEN, "one secret");
    random_bytes(secret, sizeof(secret));
    sha256(bytes_of(secret, sizeof(secret)), ret_secret_sha256);
    bool ok = credential_make(endorsement, key, secret, credential);
    wipe(secret, sizeof(secret));
    return ok || refuse(ret_err, "platform.tpm", "an endorsement key of another kind");
}

bool submit_tpm_platform(struct registry *r, const struct endorsements *makers, struct bytes body,
                         int64_t now, struct buffer *credential, struct idevs_error *ret_err)
{
    struct tpm_platform_request request = {0};
    struct platform_request platform;
    struct tpm_platform tpm;
    uint8_t secret_sha256[SHA256_LEN];

    if (!read_tpm_request(body, &request, &platform, ret_err))
        return false;
    _cleanup_vendor_key_ struct vendor_key *endorsement =
        tpm_endorsement_key(request.endorsement, makers, now, ret_err);
    if (!endorsement || !take_tpm(&request, &platform, &tpm, ret_err) ||
        !hide(endorsement, request.key, secret_sha256, credential, ret_err))
        return false;
    return registry_await(r, &platform, &tpm, secret_sha256, now, ret_err);
}

bool submit_activation(struct registry *r, struct bytes body, int64_t now, enum tier *ret_tier,
                       struct idevs_error *ret_err)
{
    struct cose_sign1 m;
    uint8_t spki[SPKI_LEN];
    uint8_t secret_sha256[SHA256_LEN];

    if (body.len > LIMIT_PLATFORM_REQUEST || !cose_decode(body, &m) || m.kid.len != SHA256_LEN ||
        m.payload.len != TPM_SECRET_LEN)
        return refuse(ret_err, "platform.request", "%zu bytes that are no activation", body.len);
    if (!registry_awaited(r, m.kid.data, spki, ret_err) ||
        !check_signed(body, TPM_ACTIVATION_TYPE, spki, ret_err))
        return false;
    sha256(m.payload, secret_sha256);
    return registry_activate(r, m.kid.data, secret_sha256, now, ret_tier, ret_err);
}

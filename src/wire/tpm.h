/* What of a TPM travels between a warden and an authority (TPM 2.0 Library, Part 2; integers big
 * endian). Pure, no I/O, no crypto. */
#ifndef IDEVS_WIRE_TPM_H
#define IDEVS_WIRE_TPM_H

#include "base/buffer.h"
#include "base/limits.h"

#define TPM_POINT_LEN  64 /* x || y on P-256 */
#define TPM_DIGEST_LEN 32 /* SHA-256, the only hash here */
#define TPM_SECRET_LEN 32 /* what a credential hides */
#define TPM_REGISTERS  24 /* platform configuration registers, 0 to 23 */

/* The attributes (TPMA_OBJECT) of our attestation keys: fixedTPM, fixedParent, sensitiveDataOrigin,
 * userWithAuth, noDA, restricted, sign. Restricted: it signs nothing but what its TPM made itself.
 */
#define TPM_AK_ATTRIBUTES 0x00050472u

/* The TPMT_PUBLIC of an attestation key as ours are: P-256, ECDSA with SHA-256, exactly those
 * attributes, no policy. Anything else is refused. */
bool tpm_ak_decode(struct bytes in, uint8_t ret_point[TPM_POINT_LEN]) _must_check_;

/* How a platform with a TPM asks to be enrolled: the CBOR array [platform request, endorsement,
 * key, quote], the payload of a COSE_Sign1 by the platform key with this content type. */
struct tpm_platform_request {
    struct bytes platform;    /* wire/platform_request.h */
    struct bytes endorsement; /* certificate of the TPM's endorsement key, DER */
    struct bytes key;         /* TPMT_PUBLIC of its attestation key */
    struct bytes quote;       /* by it, over the digest of exchange/attestation.h */
};
#define TPM_PLATFORM_TYPE "application/vnd.idevs.tpm-platform+cbor"
bool tpm_platform_request_encode(const struct tpm_platform_request *r,
                                 struct buffer *b) _must_check_;
bool tpm_platform_request_decode(struct bytes in, struct tpm_platform_request *ret) _must_check_;

/* TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET in a row, as TPM2_MakeCredential answers: what an
 * authority hides from all but one key in one TPM. Views of what is inside the two. */
struct tpm_credential {
    struct bytes id_object;
    struct bytes secret;
};
#define TPM_CREDENTIAL_TYPE "application/vnd.idevs.tpm-credential"
#define TPM_ACTIVATION_TYPE "application/vnd.idevs.tpm-activation" /* payload: the secret */
bool tpm_credential_decode(struct bytes in, struct tpm_credential *ret) _must_check_;

/* Evidence of a warden with a TPM: the CBOR array [claims, quote]. */
struct tpm_evidence {
    struct bytes claims; /* COSE_Sign1 over an EAT, as without a TPM */
    struct bytes quote;  /* TPM2B_ATTEST || TPMT_SIGNATURE over the claims' digest */
};
#define TPM_EVIDENCE_TYPE "application/vnd.idevs.tpm-evidence+cbor"
bool tpm_evidence_encode(const struct tpm_evidence *e, struct buffer *b) _must_check_;
bool tpm_evidence_decode(struct bytes in, struct tpm_evidence *ret) _must_check_;

#endif

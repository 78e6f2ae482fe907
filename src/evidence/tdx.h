/* What the files of the TDX verifier share: the quote taken apart, the platform that its PCK
 * certificate names, and the judgement of Intel's TCB information. Internal to src/evidence. */
#ifndef IDEVS_EVIDENCE_TDX_H
#define IDEVS_EVIDENCE_TDX_H

#include "evidence/hardware.h"

#define TDX_SVNS 16

/* A quote of version 4 or 5; all point into its bytes. */
struct tdx_quote {
    unsigned version;
    bool has_second_svn; /* a body of TDX 1.5 */
    struct bytes to_sign;
    const uint8_t *body;
    struct bytes signature;       /* 64 */
    struct bytes attestation_key; /* 64: x, y */
    struct bytes qe_report;       /* 384 */
    struct bytes qe_signature;    /* 64 */
    struct bytes qe_auth;
    struct bytes certificates; /* PEM, or DER in a row */
};

/* Offsets in the body (TD report of TDX 1.0, the last two only in 1.5). */
#define TDX_TEE_TCB_SVN  0
#define TDX_MRSEAM       16
#define TDX_MRSIGNERSEAM 64
#define TDX_SEAMATTR     112
#define TDX_TDATTR       120
#define TDX_XFAM         128
#define TDX_MRTD         136
#define TDX_MRCONFIGID   184
#define TDX_MROWNER      232
#define TDX_MROWNERCFG   280
#define TDX_RTMR0        328
#define TDX_REPORT_DATA  520
#define TDX_TEE_TCB_SVN2 584
#define TDX_MRSERVICETD  600
#define TDX_MR_LEN       48

/* Offsets in an SGX report body, here the quoting enclave's. */
#define QE_MISCSELECT  16
#define QE_ATTRIBUTES  48
#define QE_MRSIGNER    128
#define QE_ISVPRODID   256
#define QE_ISVSVN      258
#define QE_REPORT_DATA 320

/* Refuses `evidence.format`, `evidence.malformed`. */
bool tdx_quote_read(struct bytes in, struct tdx_quote *ret,
                    struct idevs_error *ret_err) _must_check_;

/* From the extension 1.2.840.113741.1.13.1 of a PCK certificate. */
struct tdx_platform {
    uint32_t svns[TDX_SVNS];
    uint32_t pcesvn;
    uint8_t pceid[2];
    uint8_t fmspc[6];
    uint8_t ppid[16];
};
bool tdx_platform_of(const struct certificate *pck, struct tdx_platform *ret) _must_check_;

/* Intel's judgement of the platform, of the TDX module and of the quoting enclave, by the TCB
 * information and QE identity among the endorsements: signed by Intel, in their time, for this
 * platform. Adds "tcb_status", "tcb_date", "advisories" and the rest to `claims`. Without any
 * collateral at all the status is "unknown", which is not refused here: policy does. Refuses
 * `evidence.endorsement` (missing in part, stale, not signed, another platform's), `evidence.tcb`
 * (revoked, below every level, another enclave or module), and what trust_signer() does. */
bool tdx_judge(const struct verification *v, const struct tdx_quote *q,
               const struct tdx_platform *platform, struct claims *claims,
               struct idevs_error *ret_err) _must_check_;

#endif

/* Provider-signed evidence: an EAT as COSE_Sign1 with ES256, wrapped as CMW. */
#include "attester/attester.h"
#include "crypto/digest.h"
#include "exchange/cose.h"
#include "wire/cmw.h"

#include <stdio.h>

static void put_text(char *ret, const char *text)
{
    snprintf(ret, LIMIT_EAT_TEXT, "%s", text);
}

static void fill_platform(const struct key *platform, const struct attester_host *host,
                          struct eat_claims *claims)
{
    uint8_t spki[SPKI_LEN];

    key_spki(platform, spki);
    claims->ueid[0] = EAT_UEID_RANDOM;
    sha256(bytes_of(spki, sizeof(spki)), claims->ueid + 1);
    put_text(claims->hwmodel, host->cpu_model);
    put_text(claims->hwversion, host->cpu_version);
    put_text(claims->kernel, host->kernel);
    put_text(claims->swname, "idevs-warden");
    put_text(claims->swversion, IDEVS_VERSION);
    claims->n_cpus = host->n_cpus;
}

static void fill_run(const struct attester_run *run, struct eat_claims *claims)
{
    claims->debug = run->isolates ? EAT_DEBUG_DISABLED : EAT_DEBUG_ENABLED;
    claims->executable = run->executable;
    claims->manifest = run->manifest;
    claims->source = run->source;
    claims->toolchain = run->toolchain;
    put_text(claims->back_end, run->back_end);
    claims->memory = run->memory;
    claims->measured = run->measured;
}

bool attest_sign_claims(const struct key *platform, const struct attester_host *host,
                        const struct attester_run *run, const uint8_t report_data[REPORT_DATA_LEN],
                        int64_t now, struct buffer *b)
{
    struct eat_claims claims = {.issued_at = now};
    _cleanup_buffer_ struct buffer eat = buffer_up_to(LIMIT_EVIDENCE);

    memcpy(claims.nonce, report_data, REPORT_DATA_LEN);
    fill_platform(platform, host, &claims);
    fill_run(run, &claims);
    return eat_encode(&claims, &eat) && cose_sign(platform, CMW_EAT_CWT, buffer_bytes(&eat), b);
}

bool attest_provider_signed(const struct key *platform, const struct attester_host *host,
                            const struct attester_run *run,
                            const uint8_t report_data[REPORT_DATA_LEN], int64_t now,
                            struct buffer *b)
{
    _cleanup_buffer_ struct buffer cose = buffer_up_to(LIMIT_EVIDENCE);

    return attest_sign_claims(platform, host, run, report_data, now, &cose) &&
           cmw_encode(CMW_EAT_CWT, buffer_bytes(&cose), b);
}

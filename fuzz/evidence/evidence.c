/* Evidence as it comes out of a certificate request. The first byte says what the rest is: 0 what
 * nobody signed; 1 a payload for the enrolled platform to sign; else changes (u16 offset, u8 bits)
 * to evidence that is sound. */
#include "evidence/evidence.h"
#include "crypto/digest.h"
#include "exchange/cose.h"
#include "wire/cmw.h"

#include "fuzz.h"

static struct key *platform;
static uint8_t platform_spki[SPKI_LEN];
static uint8_t platform_id[SHA256_LEN];

static bool find_key(void *arg, const uint8_t id[32], uint8_t ret_spki[SPKI_LEN])
{
    (void)arg;
    memcpy(ret_spki, platform_spki, SPKI_LEN);
    return memcmp(id, platform_id, SHA256_LEN) == 0;
}

static bool verifies(struct bytes cmw)
{
    const struct evidence_context context = {.find_platform_key = find_key};
    struct eat_claims claims;
    struct idevs_error err = {0};

    if (!evidence_verify(cmw, &context, &claims, &err)) {
        must_be_refusal(&err);
        return false;
    }
    must(memcmp(evidence_platform_id(&claims), platform_id, SHA256_LEN) == 0);
    must(!claims.tier[0] && !claims.policy[0] && !claims.n_reads && !claims.n_writes);
    return true;
}

static void sign(struct bytes payload, struct buffer *cmw)
{
    _cleanup_buffer_ struct buffer cose = buffer_up_to(LIMIT_EVIDENCE * 2);

    must(cose_sign(platform, CMW_EAT_CWT, payload, &cose) &&
         cmw_encode(CMW_EAT_CWT, buffer_bytes(&cose), cmw));
}

static void verify_payload(struct bytes payload)
{
    struct eat_claims claims;
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_EVIDENCE * 2);

    if (payload.len > LIMIT_EVIDENCE)
        return;
    sign(payload, &cmw);
    must(!verifies(buffer_bytes(&cmw)) || eat_decode(payload, &claims));
}

static void verify_changed(struct reader *changes)
{
    struct eat_claims claims = {.issued_at = 1,
                                .ueid = {1},
                                .debug = EAT_DEBUG_DISABLED,
                                .executable = {.present = true},
                                .manifest = {.present = true}};
    uint16_t at;
    uint8_t bits;
    _cleanup_buffer_ struct buffer payload = buffer_up_to(KIB(4));
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(KIB(8));
    _cleanup_buffer_ struct buffer before = buffer_up_to(KIB(8));

    memcpy(claims.ueid + 1, platform_id, SHA256_LEN);
    must(eat_encode(&claims, &payload));
    sign(buffer_bytes(&payload), &cmw);
    must(buffer_append_bytes(&before, buffer_bytes(&cmw)));
    while (reader_u16(changes, &at) && reader_u8(changes, &bits))
        cmw.data[at % cmw.len] ^= bits;
    must(verifies(buffer_bytes(&cmw)) == bytes_equal(buffer_bytes(&cmw), buffer_bytes(&before)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    uint8_t kind = next_u8(&r);

    if (!platform) {
        platform = key_generate();
        key_spki(platform, platform_spki);
        sha256(bytes_of(platform_spki, SPKI_LEN), platform_id);
    }
    if (kind == 0)
        must(!verifies(all_left(&r)));
    else if (kind == 1)
        verify_payload(all_left(&r));
    else
        verify_changed(&r);
    return 0;
}

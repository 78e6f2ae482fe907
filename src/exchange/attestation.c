#include "exchange/attestation.h"
#include "wire/bhttp.h"

#define ATTESTATION_LABEL "idevs attestation v1"

void attestation_report_data(const uint8_t spki[SPKI_LEN], const uint8_t challenge[CHALLENGE_LEN],
                             struct bytes anchor_der, uint8_t ret[REPORT_DATA_LEN])
{
    uint8_t bound[sizeof(ATTESTATION_LABEL) + SHA256_LEN + CHALLENGE_LEN + SHA256_LEN];
    uint8_t *at = bound;

    memcpy(at, ATTESTATION_LABEL, sizeof(ATTESTATION_LABEL)); /* with its 00 */
    at += sizeof(ATTESTATION_LABEL);
    sha256(bytes_of(spki, SPKI_LEN), at);
    at += SHA256_LEN;
    memcpy(at, challenge, CHALLENGE_LEN);
    at += CHALLENGE_LEN;
    sha256(anchor_der, at);
    sha512(bytes_of(bound, sizeof(bound)), ret);
}

/* Labels come with their NUL, which keeps what follows apart. */
static void digest_of(struct bytes label, struct bytes first, struct bytes second,
                      uint8_t ret[SHA256_LEN])
{
    struct sha256_run *run = sha256_begin();

    sha256_add(run, label);
    sha256_add(run, first);
    sha256_add(run, second);
    sha256_end(run, ret);
}

void tpm_evidence_nonce(struct bytes claims, uint8_t ret[SHA256_LEN])
{
    static const char LABEL[] = "idevs tpm evidence v1";

    digest_of(bytes_of(LABEL, sizeof(LABEL)), claims, bytes_of("", 0), ret);
}

void tpm_enrolment_nonce(const uint8_t spki[SPKI_LEN], const uint8_t proof[SHA256_LEN],
                         uint8_t ret[SHA256_LEN])
{
    static const char LABEL[] = "idevs tpm enrolment v1";

    digest_of(bytes_of(LABEL, sizeof(LABEL)), bytes_of(spki, SPKI_LEN), bytes_of(proof, SHA256_LEN),
              ret);
}

void platform_token_proof(const uint8_t token_sha256[SHA256_LEN], const uint8_t spki[SPKI_LEN],
                          uint8_t ret[SHA256_LEN])
{
    static const char LABEL[] = "idevs platform token v1";

    digest_of(bytes_of(LABEL, sizeof(LABEL)), bytes_of(token_sha256, SHA256_LEN),
              bytes_of(spki, SPKI_LEN), ret);
}

/* LOG_INFO 00 program */
static bool log_info_of(const char *program, struct buffer *b)
{
    return buffer_append(b, LOG_INFO, sizeof(LOG_INFO)) && buffer_append_text(b, program);
}

bool log_seal(const uint8_t owner[X25519_LEN], const char *program, struct bytes line,
              struct buffer *b)
{
    uint8_t enc[HPKE_ENC_LEN];
    _cleanup_hpke_ struct hpke h;
    _cleanup_buffer_ struct buffer info = buffer_up_to(sizeof(LOG_INFO) + LIMIT_PROGRAM_NAME);
    _cleanup_buffer_ struct buffer block = buffer_up_to(LIMIT_LOG_BLOCK);
    size_t before = b->len;

    if (line.len <= LIMIT_LOG_LINE && buffer_append_u16(&block, (uint16_t)line.len) &&
        buffer_append_bytes(&block, line) && bhttp_pad(&block) && log_info_of(program, &info) &&
        hpke_setup_sender(owner, buffer_bytes(&info), NULL, enc, &h) &&
        buffer_append(b, enc, sizeof(enc)) &&
        hpke_seal(&h, bytes_of("", 0), buffer_bytes(&block), b))
        return true;
    b->len = before;
    return false;
}

static bool take_line(struct bytes block, struct bytes *ret)
{
    struct reader r = reader_of(block);
    uint16_t len;

    if (!reader_u16(&r, &len) || len > LIMIT_LOG_LINE || !reader_bytes(&r, len, ret))
        return false;
    for (; reader_left(&r); r.at++)
        if (*r.at != 0)
            return false;
    return true;
}

bool log_open_line(const struct x25519_key *owner, const char *program, struct bytes sealed,
                   struct buffer *b)
{
    struct reader r = reader_of(sealed);
    struct bytes enc;
    struct bytes line;
    _cleanup_hpke_ struct hpke h;
    _cleanup_buffer_ struct buffer info = buffer_up_to(sizeof(LOG_INFO) + LIMIT_PROGRAM_NAME);
    _cleanup_buffer_ struct buffer block = buffer_up_to(LIMIT_LOG_BLOCK);

    return reader_bytes(&r, HPKE_ENC_LEN, &enc) && log_info_of(program, &info) &&
           hpke_setup_receiver(enc.data, owner, buffer_bytes(&info), &h) &&
           hpke_open(&h, bytes_of("", 0), bytes_of(r.at, reader_left(&r)), &block) &&
           take_line(buffer_bytes(&block), &line) && buffer_append_bytes(b, line);
}

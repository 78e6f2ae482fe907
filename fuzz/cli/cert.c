/* A file that somebody calls a program's certificate. First byte: 1 for machines; 2 the rest is not
 * the file but the attestation result in a certificate that is in order. */
#include "crypto/x509.h"
#include "wire/cmw.h"

#include "file.h"
#include "shown.h"

/* Appends the PEM; false: the result is too long for any certificate. */
static bool certify(struct bytes result, struct buffer *pem)
{
    static struct key *key;
    uint8_t spki[SPKI_LEN];
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(LIMIT_CERTIFICATE);
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    _cleanup_chain_ struct chain chain = {.n = 1};

    if (!key)
        key = key_generate();
    key_spki(key, spki);
    if (!cmw_encode(CMW_EAT_UCS, result, &cmw))
        return false;
    const struct certificate_fields fields = {.subject = "fuzz",
                                              .spki = spki,
                                              .not_after = 1800000000,
                                              .client_auth = true,
                                              .uri = "spiffe://example/program/a",
                                              .cmw = buffer_bytes(&cmw)};
    if (!certificate_make(&fields, NULL, key, &der))
        return false;
    chain.at[0] = certificate_parse(buffer_bytes(&der), NULL);
    return chain.at[0] && chain_to_pem(&chain, pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    uint8_t how = next_u8(&r);
    const struct cli cli = {.home = "/nonexistent", .json = how & 1};
    struct arguments a = {.n_positional = 1};
    struct bytes rest = all_left(&r);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    if (how & 2 && !certify(rest, &pem))
        return 0;
    a.positional[0] = file_with(how & 2 ? buffer_bytes(&pem) : rest);
    run_shown(&cli, &CERT_COMMANDS[0], &a);
    return 0;
}

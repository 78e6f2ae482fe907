#include "crypto/x509.h"

#include "fuzz.h"

static void look_at(const struct certificate *c)
{
    char text[300];
    uint8_t hash[SHA256_LEN];
    uint8_t spki[SPKI_LEN];
    struct bytes der = certificate_der(c);
    struct bytes cmw;

    certificate_sha256(c, hash);
    certificate_describe(c, text, sizeof(text));
    if (certificate_uri(c, text, sizeof(text)) && strlen(text) >= sizeof(text))
        abort();
    if (certificate_names_host(c, "store.example:8443") && certificate_names_host(c, "[::1]"))
        return;
    if (certificate_public_key(c))
        public_key_spki(certificate_public_key(c), spki);
    if (certificate_cmw(c, &cmw) && (cmw.len == 0 || cmw.len >= der.len))
        abort();
}

/* What is accepted is kept byte for byte, and can be asked everything. As its own anchor it is
 * verified, too, so that the path code sees it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct idevs_error err;
    _cleanup_certificate_ struct certificate *c = certificate_parse(in, &err);

    if (!c)
        return 0;
    if (!bytes_equal(certificate_der(c), in))
        abort();
    look_at(c);
    struct chain chain = {.at = {c}, .n = 1};
    for (int purpose = CHAIN_PROGRAM; purpose <= CHAIN_SERVICE; purpose++)
        if (chain_verify(&chain, &in, 1, (enum chain_purpose)purpose, certificate_not_after(c),
                         &err) &&
            !certificate_public_key(c))
            abort();
    return 0;
}

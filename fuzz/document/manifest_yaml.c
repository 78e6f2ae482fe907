/* The owner's manifest as YAML. It names a key and anchors: /proc/self/fd/KEYS and ANCHOR stand for
 * them, so that what comes behind is reached. */
#include "document/manifest_yaml.h"
#include "crypto/x509.h"

#include "file.h"

#define KEYS   100 /* descriptors: as the seeds of the corpus name them */
#define ANCHOR 101

static void put_file(struct bytes content, int as)
{
    int fd = memfd_create("named", 0);

    must(fd >= 0 && write(fd, content.data, content.len) == (ssize_t)content.len &&
         dup2(fd, as) == as && close(fd) == 0);
}

static void make_files(void)
{
    uint8_t spki[SPKI_LEN];
    uint8_t seal_key[X25519_LEN];
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public_key = public_key_of(key);
    _cleanup_x25519_ struct x25519_key *seal = x25519_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_chain_ struct chain chain = {.n = 1};

    key_spki(key, spki);
    x25519_public(seal, seal_key);
    must(public_key_pem(public_key, &pem) && x25519_public_pem(seal_key, &pem));
    put_file(buffer_bytes(&pem), KEYS);
    buffer_clear(&pem);
    struct certificate_fields f = {.subject = "fuzz", .spki = spki, .not_after = 1, .is_ca = true};
    must(certificate_make(&f, NULL, key, &der));
    chain.at[0] = certificate_parse(buffer_bytes(&der), NULL);
    must(chain.at[0] && chain_to_pem(&chain, &pem));
    put_file(buffer_bytes(&pem), ANCHOR);
}

/* What is accepted is a manifest that every reader of its CBOR accepts too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct idevs_error err = {0};
    struct manifest m;
    _cleanup_buffer_ struct buffer cbor = buffer_up_to(LIMIT_MANIFEST);

    if (!made)
        make_files();
    made = true;
    if (manifest_from_yaml(file_with(bytes_of(data, size)), &cbor, &err))
        must(manifest_decode(buffer_bytes(&cbor), &m, &err) && m.n_authority_anchors > 0);
    else
        must_be_refusal(&err);
    return 0;
}

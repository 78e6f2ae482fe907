/* The first byte says what the rest is: 0 a Binary HTTP response; else changes (u16 offset, u8
 * bits) to a response that is sound. */
#include "exchange/keys.h"
#include "wire/bhttp.h"

#include "fuzz.h"

#define NOW       INT64_C(1800000000)
#define AUTHORITY "store.example"

static struct key *key;
static struct chain chain;

static void set_up(void)
{
    uint8_t spki[SPKI_LEN];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    key = key_generate();
    key_spki(key, spki);
    struct certificate_fields f = {.subject = "fuzz",
                                   .spki = spki,
                                   .not_before = NOW - 60,
                                   .not_after = NOW + 60,
                                   .server_auth = true,
                                   .host = AUTHORITY};
    must(certificate_make(&f, NULL, key, &der));
    chain.at[0] = certificate_parse(buffer_bytes(&der), &err);
    must(chain.at[0] != NULL);
    chain.n = 1;
}

static bool verifies(const struct http_message *m)
{
    struct idevs_error err;
    struct ohttp_key_config config;
    struct bytes anchors[] = {certificate_der(chain.at[0])};

    return signed_keys_verify(m, AUTHORITY, anchors, 1, NOW, &config, NULL, &err);
}

static void change(struct bytes in)
{
    struct ohttp_key_config config = {.key_id = 1, .public_key = {9}};
    struct signed_keys k;
    struct reader r = reader_of(in);
    uint16_t at;
    uint8_t bits;

    must(signed_keys_make(&config, &chain, key, NOW, 60, &k));
    must(verifies(&k.message));
    while (reader_u16(&r, &at) && reader_u8(&r, &bits))
        k.storage.data[at % k.storage.len] ^= bits;
    (void)verifies(&k.message);
    signed_keys_free(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_message m;

    if (!key)
        set_up();
    if (size == 0)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] != 0)
        change(rest);
    else if (bhttp_decode_response(rest, &m))
        must(!verifies(&m)); /* nobody else has the key */
    return 0;
}

/* The first byte says what the rest is: 0 a sealed request; 1 the plaintext of one, which is sealed
 * first, so that mutations get past the AEAD; else a Binary HTTP request for the program's side to
 * sign and seal. */
#include "exchange/request.h"
#include "wire/bhttp.h"

#include "fuzz.h"

#define NOW INT64_C(1800000000)

static const uint8_t GATEWAY[X25519_LEN] = {1};
static const uint8_t EPHEMERAL[X25519_LEN] = {2};

static struct x25519_key *gateway;
static struct ohttp_key_config config = {.key_id = 1};
static struct exchange_signer signer;
static struct certificate *leaf;

static void set_up(void)
{
    uint8_t spki[SPKI_LEN];
    struct idevs_error err;
    struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    gateway = x25519_from_raw(GATEWAY);
    x25519_public(gateway, config.public_key);
    key_spki(key, spki);
    struct certificate_fields f = {
        .subject = "fuzz", .spki = spki, .not_before = NOW - 60, .not_after = NOW + 60};
    must(certificate_make(&f, NULL, key, &der));
    leaf = certificate_parse(buffer_bytes(&der), &err);
    must(leaf != NULL);
    signer.key = key;
    certificate_sha256(leaf, signer.keyid);
}

/* Opens and verifies; whether it verified. */
static bool arrives(struct bytes in, const char *authority)
{
    struct idevs_error err;
    struct http_message m;
    struct http_message answer = {.status = 200};
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer out = buffer_up_to(KIB(1));

    if (!exchange_open_request(&config, gateway, in, &x, &plain, &m, &err))
        return false;
    must(exchange_seal_response(&x, &answer, &out));
    return exchange_verify_request(&x, &m, authority, leaf, NOW, &err);
}

static void seal_plaintext(struct bytes in)
{
    uint8_t info[22 + OHTTP_HEADER_LEN] = "message/bhttp request";
    uint8_t enc[HPKE_ENC_LEN];
    struct hpke h;
    _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(EPHEMERAL);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MESSAGE);

    ohttp_header(config.key_id, info + 22);
    must(hpke_setup_sender(config.public_key, bytes_of(info, sizeof(info)), ephemeral, enc, &h));
    must(buffer_append(&b, info + 22, OHTTP_HEADER_LEN) && buffer_append(&b, enc, sizeof(enc)) &&
         hpke_seal(&h, bytes_of("", 0), in, &b));
    must(!arrives(buffer_bytes(&b), "store.example")); /* nobody signed it */
}

/* What the program's side agrees to send, the gateway's side accepts. */
static void sign_and_seal(struct bytes in)
{
    char authority[LIMIT_AUTHORITY + 1] = {0};
    struct http_message m;
    struct exchange x;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MESSAGE);

    if (!bhttp_decode_request(in, &m) || m.authority.len > LIMIT_AUTHORITY ||
        !exchange_seal_request(&config, &signer, &m, NOW, NULL, &x, &b))
        return;
    memcpy(authority, m.authority.data, m.authority.len);
    must(arrives(buffer_bytes(&b), authority));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!gateway)
        set_up();
    if (size == 0)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] == 0)
        (void)arrives(rest, "store.example");
    else if (data[0] == 1)
        seal_plaintext(rest);
    else
        sign_and_seal(rest);
    return 0;
}

/* A response as the program gets it. The first byte says what the rest is: 0 what was never sealed;
 * 1 the Binary HTTP inside the seal; else changes (u16 offset, u8 bits) to a sound response. */
#include "exchange/request.h"
#include "wire/bhttp.h"

#include "fuzz.h"

static const uint8_t GATEWAY[X25519_LEN] = {1};

/* The program's half of an exchange; the gateway's has the same secrets. */
static const struct exchange *exchange(void)
{
    static struct exchange x;
    static bool made;
    uint8_t public_key[X25519_LEN];

    if (made)
        return &x;
    _cleanup_x25519_ struct x25519_key *gateway = x25519_from_raw(GATEWAY);
    x25519_public(gateway, public_key);
    must(hpke_setup_sender(public_key, bytes_of_text("info"), NULL, x.enc, &x.hpke));
    made = true;
    return &x;
}

static bool opens(struct bytes in, struct buffer *plain, struct http_message *m)
{
    struct idevs_error err = {0};

    if (exchange_open_response(exchange(), in, plain, m, &err))
        return true;
    must_be_refusal(&err);
    return false;
}

static void open_sealed(struct bytes plain)
{
    static const uint8_t NONCE[OHTTP_NONCE_LEN] = {5};
    struct aead a;
    struct http_message m;
    struct http_message decoded;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_MESSAGE);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MESSAGE);

    must(ohttp_response_aead(&exchange()->hpke, exchange()->enc, NONCE, &a) &&
         buffer_append(&sealed, NONCE, sizeof(NONCE)) &&
         aead_seal(&a, bytes_of("", 0), plain, &sealed));
    bool opened = opens(buffer_bytes(&sealed), &b, &m);
    must(opened == bhttp_decode_response(plain, &decoded));
    must(!opened || bytes_equal(m.content, decoded.content));
}

static void open_changed(struct reader *changes)
{
    struct http_message m = {.status = 200, .content = bytes_of_text("{\"sales\":[]}")};
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer before = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer plain = buffer_up_to(KIB(1));
    uint16_t at;
    uint8_t bits;

    must(exchange_seal_response(exchange(), &m, &sealed) &&
         buffer_append_bytes(&before, buffer_bytes(&sealed)));
    while (reader_u16(changes, &at) && reader_u8(changes, &bits))
        sealed.data[at % sealed.len] ^= bits;
    sealed.len -= next_u8(changes);
    bool same = bytes_equal(buffer_bytes(&sealed), buffer_bytes(&before));
    must(opens(buffer_bytes(&sealed), &plain, &m) == same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    struct http_message m;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_MESSAGE);
    uint8_t kind = next_u8(&r);

    if (kind == 0)
        must(!opens(all_left(&r), &plain, &m));
    else if (kind == 1)
        open_sealed(all_left(&r));
    else
        open_changed(&r);
    return 0;
}

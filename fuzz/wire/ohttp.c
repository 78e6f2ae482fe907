#include "wire/ohttp.h"

#include "fuzz.h"

/* Key configurations that are accepted can be written; messages are split without a gap. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct ohttp_key_config config;
    struct ohttp_request request;
    struct ohttp_response response;
    _cleanup_buffer_ struct buffer again = buffer_up_to(256);

    if (ohttp_decode_keys(in, &config) && !ohttp_encode_keys(&config, &again))
        abort();
    if (ohttp_decode_request(in, &request) &&
        OHTTP_HEADER_LEN + request.enc.len + request.ciphertext.len != size)
        abort();
    if (ohttp_decode_response(in, &response) &&
        response.nonce.len + response.ciphertext.len != size)
        abort();
    return 0;
}

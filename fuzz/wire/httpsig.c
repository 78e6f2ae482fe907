#include "wire/httpsig.h"
#include "wire/bhttp.h"

#include "fuzz.h"

/* The input is a Binary HTTP message; what parses in it can be signed and is canonical. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct http_message m;
    struct httpsig_params params;
    struct bytes input;
    uint8_t signature[HTTPSIG_SIG_LEN];
    _cleanup_buffer_ struct buffer again = buffer_up_to(KIB(64));

    if (bhttp_decode_request(in, &m) && httpsig_request_parse(&m, &params, signature) &&
        (!httpsig_request_input(&m, &params, &again) || !http_get(&m, "signature-input", &input) ||
         !bytes_equal(buffer_bytes(&again), input)))
        abort();
    buffer_clear(&again);
    if (bhttp_decode_response(in, &m) && httpsig_keys_parse(&m, &params, signature) &&
        (!httpsig_keys_input(&params, &again) || !http_get(&m, "signature-input", &input) ||
         !bytes_equal(buffer_bytes(&again), input)))
        abort();
    return 0;
}

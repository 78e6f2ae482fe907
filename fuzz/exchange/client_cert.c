#include "exchange/keys.h"

#include "fuzz.h"

/* Input: Client-Cert, a line feed, Client-Cert-Chain. What is accepted survives being written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t first = end ? (size_t)(end - data) : size;
    struct bytes rest = end ? bytes_of(end + 1, size - first - 1) : (struct bytes){0};
    struct idevs_error err;
    _cleanup_chain_ struct chain chain = {.n = 0};
    _cleanup_chain_ struct chain again = {.n = 0};
    _cleanup_buffer_ struct buffer cert = buffer_up_to(MIB(1));
    _cleanup_buffer_ struct buffer above = buffer_up_to(MIB(1));

    if (!client_cert_decode(bytes_of(data, first), rest, &chain, &err))
        return 0;
    if (!client_cert_encode(&chain, &cert, &above) ||
        !client_cert_decode(buffer_bytes(&cert), buffer_bytes(&above), &again, &err) ||
        again.n != chain.n)
        abort();
    return 0;
}

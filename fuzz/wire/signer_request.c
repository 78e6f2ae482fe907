#include "wire/signer_request.h"

#include "fuzz.h"

/* A list: whole entries, one encoding. */
static void look_at_list(struct bytes in)
{
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNER_LIST);
    struct signer_list l;
    struct signer_entry e;
    size_t n = 0;

    if (!signer_list_decode(in, &l))
        return;
    struct reader r = reader_of(l.entries);
    while (signer_entry_next(&r, &e))
        n++;
    if (!signer_list_encode(&l, &again) || !bytes_equal(buffer_bytes(&again), in) ||
        reader_left(&r) || n > LIMIT_REVOKED)
        abort();
}

/* Request and answer; an accepted request has one encoding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct signer_request r;
    struct idevs_error err;
    struct bytes der;
    _cleanup_buffer_ struct buffer again = buffer_up_to(LIMIT_SIGNER_MESSAGE);

    if (signer_request_decode(in, &r) &&
        (!signer_request_encode(&r, &again) || !bytes_equal(buffer_bytes(&again), in)))
        abort();
    look_at_list(in);
    if (signer_answer_decode(in, &der, &err) && der.len == 0)
        abort();
    if (signer_list_answer_decode(in, &der, &err) && der.len == 0)
        abort();
    return 0;
}

#include "launcher/warden_message.h"
#include "wire/cbor.h"

#include "fuzz.h"

/* What is taken is one CBOR item, of a kind that a warden sends, and its error has a page. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct warden_answer a;

    if (!warden_answer_decode(bytes_of(data, size), &a))
        return 0;
    if (!cbor_is_valid(bytes_of(data, size)) || a.kind < WARDEN_STATUS || a.kind > WARDEN_ENDED ||
        a.n_spans > LIMIT_SPANS || a.n_back_ends > LIMIT_BACK_ENDS ||
        (a.refused && !a.error.remedy[0]))
        abort();
    return 0;
}

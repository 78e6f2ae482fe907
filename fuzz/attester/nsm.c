/* What Nitro's device answers: a document is part of the answer and stands at its end. */
#include "attester/nsm.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idevs_error err = {0};
    struct bytes document;

    if (!nsm_document(bytes_of(data, size), &document, &err)) {
        must_be_refusal(&err);
        return 0;
    }
    must(document.len > 0 && document.data > data && document.data + document.len == data + size);
    return 0;
}

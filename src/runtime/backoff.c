#include "runtime/backoff.h"
#include "crypto/digest.h"

uint64_t backoff_next_ns(struct backoff *b)
{
    uint32_t chance;
    uint64_t half = (uint64_t)b->next_ms * 500000;

    random_bytes(&chance, sizeof(chance));
    b->next_ms = b->next_ms > b->max_ms / 2 ? b->max_ms : b->next_ms * 2;
    return half + half * chance / UINT32_MAX;
}

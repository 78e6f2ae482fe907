#include "attester/hardware_maker.h"
#include "attester/nsm.h"
#include "attester/tsm.h"

#include <stdarg.h>
#include <stdio.h>

static const struct hardware_maker *const MAKERS[] = {&hardware_maker_snp, &hardware_maker_tdx,
                                                      &hardware_maker_nitro};

const struct hardware_maker *const *hardware_makers(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(MAKERS);
    return MAKERS;
}

const struct hardware_maker *hardware_maker_here(struct idevs_error *ret_err)
{
    for (size_t i = 0; i < ARRAY_LEN(MAKERS); i++)
        if (MAKERS[i]->probe(ret_err))
            return MAKERS[i];
    refuse(ret_err, "evidence.unavailable", "neither a confidential guest nor an enclave");
    return NULL;
}

void hardware_evidence_free(struct hardware_evidence *e)
{
    buffer_free(&e->evidence);
    buffer_free(&e->endorsements);
}

bool hardware_lacks(struct idevs_error *ret_err, const char *expected, const char *remedy,
                    const char *found, ...)
{
    struct idevs_error err;
    va_list args;

    va_start(args, found);
    vsnprintf(err.found, sizeof(err.found), found, args);
    va_end(args);
    refuse_expecting(ret_err, "evidence.unavailable", expected, "%s", err.found);
    if (ret_err)
        snprintf(ret_err->remedy, sizeof(ret_err->remedy), "%s", remedy);
    return false;
}

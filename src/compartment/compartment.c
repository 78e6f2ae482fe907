#include "compartment/compartment.h"
#include "compartment/process.h"

#include <string.h>

static const struct compartment_back_end *const BACK_ENDS[] = {
    &COMPARTMENT_PROCESS,
};

const struct compartment_back_end *compartment_back_end(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(BACK_ENDS); i++)
        if (strcmp(BACK_ENDS[i]->name, name) == 0)
            return BACK_ENDS[i];
    return NULL;
}

const struct compartment_back_end *const *compartment_back_ends(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(BACK_ENDS);
    return BACK_ENDS;
}

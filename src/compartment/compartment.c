#include "compartment/compartment.h"
#include "compartment/cheri.h"
#include "compartment/microvm.h"
#include "compartment/none.h"
#include "compartment/process.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct compartment_back_end *const BACK_ENDS[] = {
#ifdef __linux__
    &COMPARTMENT_PROCESS,
    &COMPARTMENT_MICROVM,
    &COMPARTMENT_NONE,
#endif
    &COMPARTMENT_CHERI,
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

void compartment_lacks(struct compartment_gaps *gaps, const char *expected, const char *remedy,
                       const char *found, ...)
{
    char text[sizeof(gaps->at[0].found)];
    va_list args;

    if (gaps->n == ARRAY_LEN(gaps->at))
        return;
    struct idevs_error *gap = &gaps->at[gaps->n++];
    va_start(args, found);
    vsnprintf(text, sizeof(text), found, args);
    va_end(args);
    refuse_expecting(gap, "compartment.missing", expected, "%s", text);
    snprintf(gap->remedy, sizeof(gap->remedy), "%s", remedy);
}

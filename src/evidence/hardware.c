#include "evidence/hardware.h"

static const struct hardware_verifier *const VERIFIERS[] = {
    &hardware_eat, &hardware_nitro, &hardware_snp, &hardware_tdx, &hardware_tpm,
};

const struct hardware_verifier *hardware_verifier(const char *format)
{
    for (size_t i = 0; i < ARRAY_LEN(VERIFIERS); i++)
        if (strcmp(VERIFIERS[i]->format, format) == 0)
            return VERIFIERS[i];
    return NULL;
}

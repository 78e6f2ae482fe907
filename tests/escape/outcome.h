/* How a compartment ended, as an outcome of the attempt in it. */
#ifndef IDEVS_TESTS_ESCAPE_OUTCOME_H
#define IDEVS_TESTS_ESCAPE_OUTCOME_H

#include "attempt.h"

/* Of the code and detail of struct compartment_end, which the warden passes on. */
int outcome_of_end(const char *code, const char *detail);
/* A word; the last two results stay valid. */
const char *outcome_text(int outcome);

#endif

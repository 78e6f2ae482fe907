/* What the files that define the functions of idevs.h share. */
#ifndef IDEVS_RUNTIME_API_H
#define IDEVS_RUNTIME_API_H

#include "runtime/call.h"

static inline int api_result(bool done)
{
    return done ? 0 : -1;
}

/* Makes the answer the handle's reply, valid until the next one, and shows it in `ret_reply` (may
 * be NULL). `answer` is left empty. */
void api_hand_out(struct idevs *ip, struct call_answer *answer, struct idevs_reply *ret_reply);

#endif

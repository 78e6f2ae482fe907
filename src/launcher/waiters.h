/* Long polls: requests that are answered when something changes, or when their time is over. */
#ifndef IDEVS_LAUNCHER_WAITERS_H
#define IDEVS_LAUNCHER_WAITERS_H

#include "launcher/launcher_private.h"

struct server_request;

enum waits_for {
    WAITS_FOR_RUN,   /* a change of its state */
    WAITS_FOR_LINES, /* a line on disk after `after` */
    WAITS_FOR_BUILD, /* its end */
};

struct wait {
    enum waits_for what;
    struct owner owner;
    char id[ID_LEN + 1]; /* of run or build */
    int64_t run;         /* its number, for lines */
    int64_t after;
};

/* Answers with what is there now. */
typedef void (*wait_answer)(struct launcher *l, struct server_request *request,
                            const struct wait *wait);

void waiters_add(struct launcher *l, struct server_request *request, const struct wait *wait,
                 unsigned seconds, wait_answer answer);
void waiters_wake(struct launcher *l, enum waits_for what, const char *id);
void waiters_wake_lines(struct launcher *l, int64_t run);
void waiters_wake_all(struct launcher *l);
void waiters_free(struct launcher *l); /* answers nobody */

#endif

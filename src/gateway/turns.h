/* Whose request goes to the service next. No program has more than its share of the connections to
 * it, and a place that becomes free goes to the program that has fewest: so one program's many slow
 * requests keep no other waiting. One thread; nothing here is called back later. */
#ifndef IDEVS_GATEWAY_TURNS_H
#define IDEVS_GATEWAY_TURNS_H

#include "base/error.h"

struct share; /* of one program */
struct turn;
struct turns {
    struct share *shares; /* of the programs that have or want a place; who was served is last */
    unsigned n_taken;
    uint64_t patience_ns; /* how long a turn may wait */
};

struct turn {
    /* The place is ours, until turn_over(). Or `late`: it never came, and there is no turn. May
     * take the memory of the turn with it. */
    void (*go)(struct turn *turn, bool late);
    struct share *share;
    struct turn *next; /* that waits */
    uint64_t since_ns;
};

/* Calls go() now or later. Refuses `service.unreachable` when too much of this program waits
 * already. */
bool turn_ask(struct turns *turns, struct turn *turn, const char *program,
              struct idevs_error *ret_err) _must_check_;
void turn_over(struct turns *turns, struct turn *turn);
/* Whoever waits now is late. */
void turns_end_waiting(struct turns *turns);
/* Forgets all of it. */
void turns_free(struct turns *turns);

#endif

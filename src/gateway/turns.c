#include "gateway/turns.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

struct share {
    struct share *next;
    struct turn *first; /* that waits */
    struct turn *last;
    unsigned n_waiting;
    unsigned n_taken;
    char program[];
};

static struct share *share_of(struct turns *turns, const char *program)
{
    struct share **at = &turns->shares;

    while (*at && strcmp((*at)->program, program) != 0)
        at = &(*at)->next;
    if (!*at) {
        size_t len = strlen(program) + 1;
        *at = alloc_zero(1, sizeof(**at) + len);
        memcpy((*at)->program, program, len);
    }
    return *at;
}

static void share_unlink(struct turns *turns, struct share *share)
{
    struct share **at = &turns->shares;

    while (*at != share)
        at = &(*at)->next;
    *at = share->next;
    share->next = NULL;
}

static void share_to_the_end(struct turns *turns, struct share *share)
{
    struct share **at = &turns->shares;

    share_unlink(turns, share);
    while (*at)
        at = &(*at)->next;
    *at = share;
}

static struct turn *turn_next(struct share *share)
{
    struct turn *turn = share->first;

    share->first = turn->next;
    if (!share->first)
        share->last = NULL;
    share->n_waiting--;
    turn->next = NULL;
    return turn;
}

/* Of those that wait the one that has fewest places, of such the one served longest ago. */
static struct share *neediest(const struct turns *turns)
{
    struct share *best = NULL;

    for (struct share *s = turns->shares; s; s = s->next)
        if (s->first && s->n_taken < LIMIT_UPSTREAM_SHARE && (!best || s->n_taken < best->n_taken))
            best = s;
    return best;
}

static void drop_idle(struct turns *turns, struct share *share)
{
    if (share->first || share->n_taken > 0)
        return;
    share_unlink(turns, share);
    free(share);
}

/* go() may end its turn at once, and so come back here. */
static void give_places(struct turns *turns)
{
    struct share *share;

    while (turns->n_taken < LIMIT_CLIENT_PER_HOST && (share = neediest(turns))) {
        struct turn *turn = turn_next(share);
        bool late = clock_monotonic_ns() - turn->since_ns > turns->patience_ns;
        if (late) {
            drop_idle(turns, share);
        } else {
            turns->n_taken++;
            share->n_taken++;
            share_to_the_end(turns, share);
        }
        turn->go(turn, late);
    }
}

bool turn_ask(struct turns *turns, struct turn *turn, const char *program,
              struct idevs_error *ret_err)
{
    struct share *share = share_of(turns, program);

    if (share->n_waiting == LIMIT_UPSTREAM_WAITING)
        return refuse(ret_err, "service.unreachable", "%d requests of this program wait already",
                      LIMIT_UPSTREAM_WAITING);
    turn->share = share;
    turn->next = NULL;
    turn->since_ns = clock_monotonic_ns();
    *(share->last ? &share->last->next : &share->first) = turn;
    share->last = turn;
    share->n_waiting++;
    give_places(turns);
    return true;
}

void turn_over(struct turns *turns, struct turn *turn)
{
    struct share *share = turn->share;

    turns->n_taken--;
    share->n_taken--;
    drop_idle(turns, share);
    give_places(turns);
}

void turns_end_waiting(struct turns *turns)
{
    struct share *share = turns->shares;

    while (share) {
        if (!share->first) {
            share = share->next;
            continue;
        }
        struct turn *turn = turn_next(share);
        drop_idle(turns, share);
        turn->go(turn, true);
        share = turns->shares;
    }
}

void turns_free(struct turns *turns)
{
    for (struct share *s = turns->shares, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    *turns = (struct turns){.patience_ns = turns->patience_ns};
}

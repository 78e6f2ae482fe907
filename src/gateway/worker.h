/* The one thread that touches the store. Jobs that wait at the same moment share a transaction, so
 * that a full fsync is paid once for all of them (group commit); each job's `done` is called on the
 * event loop when what it did is durable. */
#ifndef IDEVS_GATEWAY_WORKER_H
#define IDEVS_GATEWAY_WORKER_H

#include "store/store.h"

struct event_base;
struct worker;

/* Embedded in what the job works on; that belongs to the store's thread until `done`. */
struct job {
    /* On the store's thread, inside a transaction. False: the store failed, `*ret_err` says why.
     * It may be called again after a transaction of several jobs was rolled back. */
    bool (*run)(struct job *job, struct store *store, struct idevs_error *ret_err);
    /* On the loop. `failed` is NULL when the transaction was committed. */
    void (*done)(struct job *job, const struct idevs_error *failed);
    bool worked;
    struct idevs_error error;
    struct job *next;
};

/* Does not start the thread yet: a sandbox is entered before. `store` is the
 * thread's from its start to worker_free(). */
struct worker *worker_new(struct event_base *base, struct store *store,
                          struct idevs_error *ret_err);
bool worker_start(struct worker *worker, struct idevs_error *ret_err) _must_check_;
void worker_submit(struct worker *worker, struct job *job);
/* Carries out what was submitted, ends the thread; `done` is not called any more. Takes
 * NULL. */
void worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker *, worker_free)
#define _cleanup_worker_ _cleanup_(worker_freep)

#endif

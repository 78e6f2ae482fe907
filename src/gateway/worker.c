#include "gateway/worker.h"
#include "base/alloc.h"
#include "base/fd.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct job *first;
    struct job **last;
};

struct worker {
    struct store *store;
    struct event *wake; /* on `done_fd` */
    int done_fd;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t work;
    /* under `lock` */
    struct queue waiting;
    struct queue finished;
    bool stop;
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_add(struct queue *q, struct job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static struct job *queue_take(struct queue *q)
{
    struct job *job = q->first;

    if (job) {
        q->first = job->next;
        if (!q->first)
            q->last = &q->first;
    }
    return job;
}

static void run_alone(struct store *store, struct job *job)
{
    job->worked = store_begin(store, &job->error);
    if (!job->worked)
        return;
    job->worked = job->run(job, store, &job->error) && store_commit(store, &job->error);
    if (!job->worked)
        store_rollback(store);
}

/* True when all of them are committed. */
static bool run_together(struct store *store, struct job *const *jobs, size_t n)
{
    struct idevs_error err;

    if (!store_begin(store, &err))
        return false;
    bool good = true;
    for (size_t i = 0; i < n && good; i++)
        good = jobs[i]->run(jobs[i], store, &err);
    if (good && store_commit(store, &err))
        return true;
    store_rollback(store);
    return false;
}

static void run_batch(struct store *store, struct job *const *jobs, size_t n)
{
    bool together = n > 1 && run_together(store, jobs, n);

    for (size_t i = 0; i < n; i++)
        if (together)
            jobs[i]->worked = true;
        else /* one alone, or one of them failed: it must not fail the others */
            run_alone(store, jobs[i]);
}

static size_t take_batch(struct worker *w, struct job **jobs)
{
    size_t n = 0;

    pthread_mutex_lock(&w->lock);
    while (!w->waiting.first && !w->stop)
        pthread_cond_wait(&w->work, &w->lock);
    while (n < LIMIT_WORKER_BATCH && w->waiting.first)
        jobs[n++] = queue_take(&w->waiting);
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void give_back(struct worker *w, struct job *const *jobs, size_t n)
{
    uint64_t one = 1;

    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < n; i++)
        queue_add(&w->finished, jobs[i]);
    pthread_mutex_unlock(&w->lock);
    if (!fd_write_all(w->done_fd, &one, sizeof(one)))
        abort(); /* an eventfd whose counter cannot be full */
}

static void *work(void *context)
{
    struct worker *w = context;
    struct job *jobs[LIMIT_WORKER_BATCH];
    size_t n;

    while ((n = take_batch(w, jobs)) > 0) {
        run_batch(w->store, jobs, n);
        give_back(w, jobs, n);
    }
    return NULL;
}

static void on_done(evutil_socket_t fd, short what, void *context)
{
    struct worker *w = context;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof(count)) < 0)
        return; /* nothing new after all */
    pthread_mutex_lock(&w->lock);
    struct job *job = w->finished.first;
    queue_init(&w->finished);
    pthread_mutex_unlock(&w->lock);
    while (job) {
        struct job *next = job->next; /* `done` may free the job */
        job->done(job, job->worked ? NULL : &job->error);
        job = next;
    }
}

struct worker *worker_new(struct event_base *base, struct store *store, struct idevs_error *ret_err)
{
    struct worker *w = alloc_zero(1, sizeof(*w));

    w->store = store;
    queue_init(&w->waiting);
    queue_init(&w->finished);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->done_fd >= 0)
        w->wake = event_new(base, w->done_fd, EV_READ | EV_PERSIST, on_done, w);
    if (w->wake && event_add(w->wake, NULL) == 0)
        return w;
    refuse_errno(ret_err, "internal", "eventfd");
    worker_free(w);
    return NULL;
}

bool worker_start(struct worker *w, struct idevs_error *ret_err)
{
    errno = pthread_create(&w->thread, NULL, work, w);
    if (errno)
        return refuse_errno(ret_err, "internal", "thread");
    w->started = true;
    return true;
}

void worker_submit(struct worker *w, struct job *job)
{
    pthread_mutex_lock(&w->lock);
    queue_add(&w->waiting, job);
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    if (w->wake)
        event_free(w->wake);
    fd_close(&w->done_fd);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

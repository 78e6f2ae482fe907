#include "compartment/nursery.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum phase {
    CLOSED,
    PREPARING, /* the thread moves into the next group */
    READY,     /* it stands in it */
    FAILED,    /* it could not */
    ASKED,     /* for a birth */
    BORN,      /* or not: its pid says it */
    CLOSING,
};

static struct {
    const struct cgroup_host *host;
    const char *prefix;
    const char *suffix;
    pid_t owner; /* whose thread it is; 0: there was none yet */
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    enum phase phase;
    struct cgroup group;    /* in READY: the next one's */
    struct idevs_error why; /* of FAILED */
    struct birth *birth;    /* in ASKED and BORN */
    int error;              /* errno of BORN without a pid */
} nursery = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void enter(enum phase phase)
{
    nursery.phase = phase;
    pthread_cond_broadcast(&nursery.changed);
}

static void stay_in(enum phase phase)
{
    while (nursery.phase == phase)
        pthread_cond_wait(&nursery.changed, &nursery.lock);
}

/* ---- the thread ---- */

/* Into the folder of all groups, so that the one where it stands can go. */
static void step_aside(void)
{
    struct cgroup base;
    struct idevs_error err;

    memcpy(base.path, nursery.host->base, sizeof(base.path));
    if (!cgroup_attach_thread(&base, &err))
        log_refusal(IDEVS_WARNING, "the nursery's thread", &err);
}

static bool move_on(unsigned number, struct cgroup *ret, struct idevs_error *ret_err)
{
    char name[96];

    snprintf(name, sizeof(name), "%s%d-n%u%s", nursery.prefix, (int)getpid(), number,
             nursery.suffix);
    *ret = (struct cgroup){0};
    if (cgroup_make(nursery.host, name, NULL, ret, ret_err) && cgroup_attach_thread(ret, ret_err))
        return true;
    step_aside();
    cgroup_remove(ret);
    return false;
}

/* Without the lock, for it takes its time. */
static void prepare(unsigned number)
{
    struct cgroup group;
    struct idevs_error err;

    pthread_mutex_unlock(&nursery.lock);
    bool ok = move_on(number, &group, &err);
    pthread_mutex_lock(&nursery.lock);
    if (ok)
        nursery.group = group;
    else
        nursery.why = err;
    if (nursery.phase == PREPARING)
        enter(ok ? READY : FAILED);
}

static void give_birth(struct birth *birth)
{
    birth->pid = (pid_t)syscall(SYS_clone3, birth->args, sizeof(*birth->args));
    if (birth->pid == 0)
        birth->child(birth->arg);
    nursery.error = errno;
    enter(BORN);
    stay_in(BORN);
}

static void *stand_ready(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&nursery.lock);
    for (unsigned number = 0; nursery.phase != CLOSING; number++) {
        prepare(number);
        stay_in(READY);
        stay_in(FAILED);
        if (nursery.phase == ASKED)
            give_birth(nursery.birth);
    }
    pthread_mutex_unlock(&nursery.lock);
    return NULL;
}

/* Signals are the business of the thread that was there before. */
static bool begin(void)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    nursery.owner = getpid();
    nursery.phase = PREPARING;
    errno = pthread_create(&nursery.thread, NULL, stand_ready, NULL);
    if (errno != 0)
        nursery.phase = CLOSED;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return nursery.phase != CLOSED;
}

/* ---- who asks ---- */

void nursery_open(const struct cgroup_host *host, const char *prefix, const char *suffix)
{
    nursery.host = host;
    nursery.prefix = prefix;
    nursery.suffix = suffix;
}

/* In READY. */
static bool ask(struct birth *birth, struct idevs_error *ret_err)
{
    birth->group = nursery.group;
    birth->pid = -1;
    nursery.birth = birth;
    if (!cgroup_limit(nursery.host, &birth->group, birth->limits, ret_err))
        return false;
    enter(ASKED);
    stay_in(ASKED);
    errno = nursery.error;
    return birth->pid > 0 || refuse_errno(ret_err, "compartment.unavailable", "namespaces");
}

static bool bear(struct birth *birth, struct idevs_error *ret_err)
{
    if (nursery.phase == CLOSED && !begin())
        return refuse_errno(ret_err, "compartment.unavailable", "a thread");
    stay_in(PREPARING);
    if (nursery.phase == FAILED) { /* when the last start was; now it may do */
        enter(PREPARING);
        stay_in(PREPARING);
    }
    bool ok = nursery.phase == READY && ask(birth, ret_err);
    if (nursery.phase == FAILED)
        *ret_err = nursery.why;
    enter(PREPARING);
    return ok;
}

/* A copy of the process has a nursery without its thread: it begins anew. */
static void begin_anew_after_fork(void)
{
    if (nursery.owner == 0 || nursery.owner == getpid())
        return;
    pthread_mutex_init(&nursery.lock, NULL);
    pthread_cond_init(&nursery.changed, NULL);
    nursery.owner = 0;
    nursery.phase = CLOSED;
}

bool nursery_bear(struct birth *birth, struct idevs_error *ret_err)
{
    birth->group = (struct cgroup){0};
    begin_anew_after_fork();
    pthread_mutex_lock(&nursery.lock);
    bool ok = bear(birth, ret_err);
    pthread_mutex_unlock(&nursery.lock);
    if (!ok)
        cgroup_remove(&birth->group); /* as soon as the thread has left it */
    return ok;
}

void nursery_settle(void)
{
    if (nursery.owner != getpid())
        return;
    pthread_mutex_lock(&nursery.lock);
    stay_in(PREPARING);
    pthread_mutex_unlock(&nursery.lock);
}

void nursery_close(void)
{
    bool stands = false;

    begin_anew_after_fork();
    pthread_mutex_lock(&nursery.lock);
    bool open = nursery.phase != CLOSED;
    if (open) {
        stay_in(PREPARING);
        stands = nursery.phase == READY;
        enter(CLOSING);
    }
    pthread_mutex_unlock(&nursery.lock);
    if (open)
        pthread_join(nursery.thread, NULL);
    if (stands)
        cgroup_remove(&nursery.group);
    nursery.phase = CLOSED;
}

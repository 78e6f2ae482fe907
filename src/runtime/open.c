/* idevs_open, idevs_close, idevs_wait, idevs_last_error. */
#include "base/alloc.h"
#include "base/process.h"
#include "crypto/digest.h"
#include "runtime/credentials.h"
#include "runtime/problem.h"
#include "runtime/service.h"

#include <signal.h>
#include <stdlib.h>

/* Until the manifest says how long a run may take. */

static uint64_t seconds_from_now(uint64_t seconds)
{
    return clock_monotonic_ns() + seconds * NS_PER_SECOND;
}

/* No core file and no look from beside; a closed channel is an error, not the end. */
static void harden(void)
{
    process_forbid_dumps();
    signal(SIGPIPE, SIG_IGN);
}

/* jansson, in the programs that link it, would take the seed of its hash tables from /dev/urandom;
 * there are no files here, and trying to open one ends the program. */
__attribute__((weak)) void json_object_seed(size_t seed);

static void seed_jansson(void)
{
    size_t seed = 0;

    if (!json_object_seed)
        return;
    while (seed == 0) /* which would mean: choose one yourself */
        random_bytes(&seed, sizeof(seed));
    json_object_seed(seed);
}

/* The manifest comes from the attester, which measured it; what it says about the launcher's
 * services and the authority is what we go by. */
static bool get_manifest(struct idevs *ip, struct idevs_error *ret_err)
{
    const struct channel_request request = {.target = "manifest", .type = ""};
    uint64_t since = clock_monotonic_ns();
    struct frame reply;

    if (!channel_call(&ip->attester, &request, runtime_attempt_deadline(ip), &reply, ret_err))
        return false;
    if (reply.status != 200)
        return problem_refuse(&reply, "warden.unreachable", "the attester", ret_err);
    if (!buffer_append_bytes(&ip->manifest_cbor, reply.body))
        return refuse(ret_err, "manifest.value", "a manifest of %zu bytes", reply.body.len);
    if (!manifest_decode(buffer_bytes(&ip->manifest_cbor), &ip->manifest, ret_err))
        return false;
    for (size_t i = 0; i < ip->manifest.n_services; i++)
        ip->services[i].as = &ip->manifest.services[i];
    runtime_span(ip, "getIntegratedServices", since);
    return true;
}

static bool start(struct idevs *ip, struct idevs_error *ret_err)
{
    if (!get_manifest(ip, ret_err))
        return false;
    ip->run_ends_ns = seconds_from_now(ip->manifest.run_seconds);
    if (!credentials_obtain(ip, ret_err) || !services_exchange_keys(ip, ret_err))
        return false;
    runtime_report(ip);
    ip->run_ends_ns = seconds_from_now(ip->manifest.run_seconds);
    return true;
}

struct idevs *runtime_open(const struct runtime_options *options, struct idevs_error *ret_err)
{
    struct idevs *ip = alloc_zero(1, sizeof(*ip));
    struct idevs_error err = {0};

    harden();
    seed_jansson();
    ip->options = *options;
    channel_open(&ip->launcher, options->launcher_fd, "launcher.unreachable");
    channel_open(&ip->attester, options->attester_fd, "warden.unreachable");
    timekeeper_begin(&ip->time, options->time);
    ip->manifest_cbor = buffer_up_to(LIMIT_MANIFEST);
    ip->run_ends_ns = seconds_from_now(LIMIT_OPENING_TIME);
    if (start(ip, &err))
        return ip;
    if (ret_err)
        *ret_err = err;
    idevs_close(ip);
    return NULL;
}

struct idevs *idevs_open(struct idevs_error *ret_err)
{
    return runtime_open(&RUNTIME_DEFAULTS, ret_err);
}

void idevs_close(struct idevs *ip)
{
    if (!ip)
        return;
    runtime_report(ip);
    credentials_free(&ip->credentials);
    channel_close(&ip->launcher);
    channel_close(&ip->attester);
    buffer_free(&ip->manifest_cbor);
    buffer_free(&ip->reply);
    free(ip->versions);
    wipe(ip, sizeof(*ip));
    free(ip);
}

/* Ticks that the work of the last one ran over are left out, not caught up with. */
static bool wait_for_tick(struct idevs *ip)
{
    uint64_t every = (uint64_t)ip->manifest.every * NS_PER_SECOND;
    uint64_t now = clock_monotonic_ns();

    if (!ip->ticked) {
        ip->next_tick_ns = now;
        return channel_sleep(&ip->launcher, now);
    }
    if (every == 0)
        return false;
    ip->next_tick_ns += every;
    if (ip->next_tick_ns < now)
        ip->next_tick_ns += (now - ip->next_tick_ns + every - 1) / every * every;
    return channel_sleep(&ip->launcher, ip->next_tick_ns);
}

bool idevs_wait(struct idevs *ip)
{
    runtime_report(ip);
    bool ticked = wait_for_tick(ip);
    ip->ticked = true;
    ip->run_ends_ns = seconds_from_now(ip->manifest.run_seconds);
    if (ip->launcher.broken)
        ip->error = ip->launcher.why;
    else if (ip->launcher.stopped)
        refuse(&ip->error, "run.stopped", "the stop event came");
    return ticked;
}

const struct idevs_error *idevs_last_error(const struct idevs *ip)
{
    return &ip->error;
}

/* A hostile client of the API. The state is a real one in a folder of its own. */
#include "launcher/api.h"

#include "played_server.h"
#include "scratch.h"

#include <event2/event.h>

static void nothing(void *context)
{
    (void)context;
}

static void ended(const struct warden_answer *answer, void *context)
{
    (void)answer;
    (void)context;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
}

static struct launcher *make(void)
{
    static const struct warden_events events = {nothing, nothing, ended};
    static struct launcher_config config = {.warden = scratch_path, .n_owners = 1};
    static struct launcher l;
    struct idevs_error err;

    must(state_open(&l.state, scratch_folder(), &err));
    l.base = event_base_new();
    l.config = &config;
    l.stopping = true; /* nobody waits */
    l.warden = warden_new(l.base, "/nonexistent", NULL, &events, &l);
    l.flush_lines = evtimer_new(l.base, on_timer, &l);
    return &l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct launcher *launcher;
    _cleanup_played_ struct server_request request;

    if (!launcher)
        launcher = make();
    if (played_request(bytes_of(data, size), &request))
        played_serve(&request, api_handle, launcher);
    return 0;
}

/* idevs-launcher: reads its configuration, gives up what it does not need, serves until SIGTERM. */
#include "base/log.h"
#include "base/process.h"
#include "launcher/launcher.h"
#include "sandbox/sandbox.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] = "usage: idevs-launcher --config FILE\n"
                            "Takes programs from their owners, has them built and run by "
                            "idevs-warden, and relays what they\n"
                            "seal. See docs/launcher.md and docs/api.md.\n";

enum exit_status {
    EXIT_OK = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
};

/* Unprivileged, with the network, its own state, and nothing else. Names are resolved and
 * certificates looked up while it serves. */
static bool confine(const struct launcher_config *config, struct idevs_error *ret_err)
{
    const struct sandbox profile = {
        .name = "idevs-launcher",
        .calls = SANDBOX_FILES | SANDBOX_NETWORK | SANDBOX_DESCRIPTORS,
        .read = {"/etc/ssl", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                 "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/localtime", "/usr/lib",
                 "/usr/share/ca-certificates", "/lib", "/dev/urandom", config->ca},
        .write = {config->state},
        .any_connect = true,
    };

    return sandbox_enter(&profile, ret_err);
}

static void on_stopped(void *context)
{
    event_base_loopbreak(context);
}

struct serving {
    struct event_base *base;
    struct launcher *launcher;
};

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct serving *serving = context;
    (void)what;

    log_info("stopping: %s", strsignal((int)number));
    launcher_stop(serving->launcher, on_stopped, serving->base);
}

static int serve(const struct launcher_config *config, struct idevs_error *ret_err)
{
    struct serving serving = {.base = event_base_new()};
    struct event *terminate = evsignal_new(serving.base, SIGTERM, on_signal, &serving);
    struct event *interrupt = evsignal_new(serving.base, SIGINT, on_signal, &serving);
    int status = EXIT_REFUSED;

    signal(SIGPIPE, SIG_IGN);
    serving.launcher = launcher_start(serving.base, config, ret_err);
    if (serving.launcher && confine(config, ret_err)) {
        event_add(terminate, NULL);
        event_add(interrupt, NULL);
        log_info("listening on %s (port %u)", config->listen, launcher_port(serving.launcher));
        status = event_base_dispatch(serving.base) < 0 ? EXIT_REFUSED : EXIT_OK;
    }
    launcher_free(serving.launcher);
    event_free(terminate);
    event_free(interrupt);
    event_base_free(serving.base);
    return status;
}

int main(int argc, char **argv)
{
    struct launcher_config config;
    struct idevs_error err;

    process_forbid_dumps();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("idevs-launcher " IDEVS_VERSION);
        return EXIT_OK;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(USAGE, stdout);
        return EXIT_OK;
    }
    if (argc != 3 || strcmp(argv[1], "--config") != 0) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    log_open("idevs-launcher", IDEVS_INFO);
    if (!config_load(argv[2], &config, &err)) {
        log_refusal(IDEVS_ERROR, "configuration", &err);
        return EXIT_REFUSED;
    }
    int status = serve(&config, &err);
    if (status != EXIT_OK)
        log_refusal(IDEVS_ERROR, "cannot start", &err);
    config_free(&config);
    return status;
}

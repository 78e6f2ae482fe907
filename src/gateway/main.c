/* idevs-gateway --config FILE */
#include "base/log.h"
#include "base/process.h"
#include "gateway/gateway.h"
#include "sandbox/sandbox.h"

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] = "usage: idevs-gateway --config FILE\n"
                            "       idevs-gateway --version | --help\n"
                            "Verifies, opens and forwards the sealed requests of attested programs "
                            "to one service.\n"
                            "The configuration: docs/service-owners.md.\n";

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number;
    (void)what;
    log_info("asked to stop: finishing what is in flight");
    gateway_drain(context);
}

static void on_report(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number;
    (void)what;
    gateway_log_steps(context);
}

/* Of host[:port] or [v6][:port]. */
static uint16_t port_of(const char *authority, uint16_t otherwise)
{
    const char *colon = strrchr(authority, ':');

    return colon && !strchr(colon, ']') ? (uint16_t)strtoul(colon + 1, NULL, 10) : otherwise;
}

static uint16_t port_of_url(const char *url)
{
    return port_of(strstr(url, "://") + 3, strncmp(url, "https", 5) == 0 ? 443 : 80);
}

/* What is left after everything was opened: the state folder, name resolution, and connections to
 * the service and to where revoked certificates are listed. */
static bool enter_sandbox(const struct gateway_config *config, struct idevs_error *err)
{
    struct sandbox profile = {
        .name = "idevs-gateway",
        .calls = SANDBOX_FILES | SANDBOX_NETWORK,
        .max_files = LIMIT_GATEWAY_FILES,
        .read = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf",
                 "/etc/gai.conf"},
        .write = {config->state},
        .connect_ports = {port_of_url(config->upstream), 53},
    };

    for (size_t i = 0; i < config->revocation.n_lists; i++)
        profile.connect_ports[2 + i] = port_of_url(config->revocation.lists[i].origin);
    return sandbox_enter(&profile, err);
}

static bool serve(const struct gateway_config *config, struct event_base *base,
                  struct idevs_error *err)
{
    _cleanup_gateway_ struct gateway *gateway = gateway_open(base, config, err);

    if (!gateway || !enter_sandbox(config, err) || !gateway_start(gateway, err))
        return false;
    struct event *events[] = {
        evsignal_new(base, SIGTERM, on_stop, gateway),
        evsignal_new(base, SIGINT, on_stop, gateway),
        evsignal_new(base, SIGUSR1, on_report, gateway),
    };
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        good = good && events[i] && event_add(events[i], NULL) == 0;
    if (good) {
        log_info("%s on port %u, before %s", config->authority, gateway_port(gateway),
                 config->upstream);
        event_base_dispatch(base);
        gateway_log_steps(gateway);
    }
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        if (events[i])
            event_free(events[i]);
    return good || refuse(err, "internal", "signals cannot be handled");
}

static int run(const char *path)
{
    _cleanup_gateway_config_ struct gateway_config config = {0};
    struct idevs_error err;

    if (!gateway_config_load(path, &config, &err)) {
        log_refusal(IDEVS_ERROR, "configuration", &err);
        return 1;
    }
    struct event_base *base = event_base_new();
    bool good = base ? serve(&config, base, &err) : refuse(&err, "internal", "no event loop");
    if (base)
        event_base_free(base);
    if (!good)
        log_refusal(IDEVS_ERROR, "start", &err);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    const char *config = NULL;
    int option;

    process_forbid_dumps();
    signal(SIGPIPE, SIG_IGN); /* a client that leaves early is no reason to end */
    log_open("idevs-gateway", IDEVS_INFO);
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'h':
            return fputs(USAGE, stdout) < 0;
        case 'v':
            return puts("idevs-gateway " IDEVS_VERSION) < 0;
        default:
            return fputs(USAGE, stderr), 2;
        }
    }
    if (!config || optind != argc)
        return fputs(USAGE, stderr), 2;
    return run(config);
}

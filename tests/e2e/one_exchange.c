/* One exchange and nothing else: a program reads a sale from the unmodified store of the example
 * through its gateway, and the relay between them keeps all that it sees. Prints both.
 *
 *   one-exchange FREE-RIDE-STORE   (IDEVS_GATEWAY names idevs-gateway) */
#include "base/alloc.h"
#include "base/fd.h"

#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char SALE[] =
    "{\"id\":809,\"date\":\"18/11/2024\",\"vendor\":\"Ada\",\"customer\":{\"name\":\"Ana Souza\","
    "\"phone\":\"+5511999999999\",\"address\":\"Rua A 1\"},\"product\":\"kettle\",\"quantity\":1,"
    "\"total\":200.5}\n";
static const char *const SECRETS[] = {"Ana Souza", "Rua A 1", "api/sales", "kettle"};

static pid_t run_store(const char *program, const char *database, const char *option,
                       const char *value)
{
    fflush(stdout);
    pid_t pid = fork();

    if (pid == 0) {
        execl(program, program, "--database", database, option, value, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static bool load_sale(struct world *w, const char *program, const char *database)
{
    _cleanup_text_ char *sales = alloc_format("%s/sales", w->folder);
    int status = 0;

    return file_write(sales, bytes_of_text(SALE), 0600, NULL) &&
           waitpid(run_store(program, database, "--load", sales), &status, 0) > 0 && status == 0;
}

static void show(const char *what, struct bytes b)
{
    printf("%s, %zu bytes:\n", what, b.len);
    for (size_t i = 0; i < b.len && i < 256; i++)
        printf("%02x%s", b.data[i], i % 32 == 31 ? "\n" : "");
    printf("%s\n", b.len > 256 ? "..." : "");
}

/* The relay's view of one direction must not hold any of it. */
static bool holds_no_secret(struct bytes seen)
{
    for (size_t i = 0; i < ARRAY_LEN(SECRETS); i++)
        if (memmem(seen.data, seen.len, SECRETS[i], strlen(SECRETS[i])))
            return false;
    return true;
}

static bool exchange(struct world *w)
{
    _cleanup_exchange_ struct exchange x;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(64));
    _cleanup_answer_ struct answer a;
    const struct http_message m =
        actor_request("GET", "/api/sales?after=0&limit=1", NULL, NULL, bytes_of(NULL, 0));

    actor_seal(&w->program, &w->keys, &m, clock_unix(), &x, &sealed);
    if (!world_post(w, &w->program, buffer_bytes(&sealed), &x, &a) || !a.sealed)
        return false;
    printf("the program got: status %u, %.*s\n", a.message.status, (int)a.message.content.len,
           (const char *)a.message.content.data);
    show("the relay saw, to the gateway", buffer_bytes(&sealed));
    show("and back", a.seen);
    return a.message.status == 200 &&
           memmem(a.message.content.data, a.message.content.len, SECRETS[0], strlen(SECRETS[0])) &&
           holds_no_secret(buffer_bytes(&sealed)) && holds_no_secret(a.seen);
}

int main(int argc, char **argv)
{
    struct world w;

    if (argc != 2 || !getenv("IDEVS_GATEWAY")) {
        fprintf(stderr, "usage: IDEVS_GATEWAY=FILE one-exchange FREE-RIDE-STORE\n");
        return 2;
    }
    world_start(&w, "");
    unsigned port = w.service.port;
    fake_service_stop(&w.service); /* the real one takes its place */
    w.service_runs = false;
    _cleanup_text_ char *database = alloc_format("%s/store.db", w.folder);
    _cleanup_text_ char *listen = alloc_format("127.0.0.1:%u", port);
    if (!load_sale(&w, argv[1], database))
        return 1;
    pid_t store = run_store(argv[1], database, "--listen", listen);
    bool good = world_wait_for(port) && exchange(&w);
    kill(store, SIGTERM);
    waitpid(store, NULL, 0);
    world_stop(&w);
    return good ? 0 : 1;
}

/* A hostile launcher and authority answer the owner's tool: u8 which command, u8 how it is called,
 * then for each question u8 status and a part with the body. After some, nobody answers. */
#include "net/client.h"

#include "scratch.h"
#include "shown.h"

#define ANSWERS 6

static const struct {
    const struct command *table;
    const char *group;
    const char *name;
    const char *positional[2];
    const char *option;
} CALLS[] = {
    {PROGRAM_COMMANDS, "program", "list", {0}, NULL},
    {PROGRAM_COMMANDS, "program", "show", {"a"}, NULL},
    {PROGRAM_COMMANDS, "program", "rm", {"a"}, NULL},
    {PROGRAM_COMMANDS, "program", "build", {"a"}, NULL},
    {RUN_COMMANDS, NULL, "run", {"a"}, "--wait"},
    {RUN_COMMANDS, NULL, "ps", {0}, "--all"},
    {RUN_COMMANDS, NULL, "show", {"1"}, "--wait"},
    {RUN_COMMANDS, NULL, "logs", {"1"}, "--follow"},
    {RUN_COMMANDS, NULL, "stop", {"1"}, NULL},
    {SERVICE_COMMANDS, "service", "list", {0}, NULL},
    {SERVICE_COMMANDS, "service", "add", {"a", "https://a"}, NULL},
    {CERT_COMMANDS, "cert", "show", {"1"}, "--pem"},
    {CERT_COMMANDS, "cert", "show", {"1"}, NULL},
    {OWNER_COMMANDS, "platform", "enrol", {"/dev/null"}, NULL},
    {OWNER_COMMANDS, "platform", "activate", {"/dev/null"}, NULL},
};

static struct reader script;
static unsigned n_answers;

bool client_fetch(const struct client_options *options, const char *url,
                  const struct http_message *m, struct buffer *storage, struct http_message *ret,
                  struct idevs_error *ret_err)
{
    static const uint16_t STATUS[] = {200, 201, 204, 400, 404, 503};

    (void)options;
    must(url[0] && m->path.len > 0);
    if (n_answers++ == ANSWERS || !reader_left(&script))
        return refuse(ret_err, "service.unreachable", "fuzzing");
    *ret = (struct http_message){.status = STATUS[next_u8(&script) % ARRAY_LEN(STATUS)]};
    buffer_clear(storage);
    if (!buffer_append_bytes(storage, next_part(&script)))
        return refuse(ret_err, "service.status", "too long");
    ret->content = buffer_bytes(storage);
    return true;
}

static void make_home(void)
{
    _cleanup_x25519_ struct x25519_key *seal = x25519_generate();
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));

    must(x25519_save(seal, &pem));
    scratch_write("owner-log.key", buffer_bytes(&pem));
    scratch_write("config.yaml", bytes_of_text("launcher: https://a\nauthority: https://b\n"));
}

static const struct command *find(const struct command *table, const char *group, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0 && !group == !table->group)
            return table;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    struct arguments a = {0};
    struct cli cli = {.home = scratch_folder()};

    if (!made)
        make_home();
    made = true;
    script = reader_of(bytes_of(data, size));
    n_answers = 0;
    size_t at = next_u8(&script) % ARRAY_LEN(CALLS);
    uint8_t how = next_u8(&script);
    cli.json = how & 1;
    for (; a.n_positional < 2 && CALLS[at].positional[a.n_positional]; a.n_positional++)
        a.positional[a.n_positional] = CALLS[at].positional[a.n_positional];
    if (how & 2 && CALLS[at].option)
        a.options[a.n_options++].name = CALLS[at].option;
    run_shown(&cli, find(CALLS[at].table, CALLS[at].group, CALLS[at].name), &a);
    return 0;
}

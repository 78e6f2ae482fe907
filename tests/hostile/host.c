#include "host.h"

#include "port.h"
#include "programs/codes.h"

#include "base/fd.h"
#include "exchange/attestation.h"
#include "net/client.h"
#include "warden/identity.h"
#include "wire/cbor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define WAIT_MS 60000

struct host host;

/* ---- processes ---- */

static pid_t start(const char *const *argv)
{
    char no_leaks[] = "ASAN_OPTIONS=detect_leaks=0";
    char *const environment[] = {no_leaks, NULL};
    posix_spawn_file_actions_t actions;
    _cleanup_text_ char *log = alloc_format("%s/log", host.station.folder);
    pid_t pid;

    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    assert_int_equal(
        posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void end(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGTERM);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

static void put(const char *name, struct bytes data)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", host.station.folder, name);

    assert_true(file_write(path, data, 0600, NULL));
}

static void put_chain(const char *name, const struct chain *chain)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    assert_true(chain_to_pem(chain, &pem));
    put(name, buffer_bytes(&pem));
}

/* ---- the authority ---- */

static void put_tls(void)
{
    struct actor_ca ca;
    _cleanup_key_ struct key *key = NULL;
    _cleanup_chain_ struct chain chain = {.n = 0};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));

    actor_ca_make(&ca, "infrastructure", clock_unix());
    actor_service_make(&ca, "127.0.0.1", clock_unix(), &key, &chain);
    const struct chain anchor = {.at = {ca.certificate}, .n = 1};
    put_chain("ca.pem", &anchor);
    put_chain("cert.pem", &chain);
    assert_true(key_save(key, &pem));
    put("priv.pem", buffer_bytes(&pem));
    actor_ca_free(&ca);
}

static void start_authority(void)
{
    unsigned port = host.authority_port = port_free("127.0.0.1");
    _cleanup_text_ char *config = alloc_format("%s/authority.yaml", host.station.folder);
    _cleanup_text_ char *text = alloc_format(
        "listen: 127.0.0.1:%u\ncertificate: cert.pem\nkey: priv.pem\nstate: .\nsigner: %s\n", port,
        getenv("IDEVS_SIGNER"));
    const char *argv[] = {getenv("IDEVS_AUTHORITY"), "serve", "--config", config, NULL};

    put_tls();
    put("authority.yaml", bytes_of_text(text));
    snprintf(host.url, sizeof(host.url), "https://127.0.0.1:%u", port);
    snprintf(host.ca_file, sizeof(host.ca_file), "%s/ca.pem", host.station.folder);
    host.authority = start(argv);
    assert_true(world_wait_for(port));
}

/* ---- the launcher ---- */

void host_start_launcher(void)
{
    unsigned port = host.launcher_port = port_free("127.0.0.1");
    _cleanup_text_ char *config = alloc_format("%s/launcher.yaml", host.station.folder);
    _cleanup_text_ char *text =
        alloc_format("listen: 127.0.0.1:%u\ncertificate: cert.pem\nkey: priv.pem\nstate: launcher\n"
                     "warden: warden.sock\nca: ca.pem\nowners: [owner.pub.pem]\n",
                     port);
    _cleanup_public_key_ struct public_key *owner = public_key_of(host.station.e.owner);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(4));
    const char *argv[] = {getenv("IDEVS_LAUNCHER"), "--config", config, NULL};

    assert_true(public_key_pem(owner, &pem));
    put("owner.pub.pem", buffer_bytes(&pem));
    put("launcher.yaml", bytes_of_text(text));
    host.launcher = start(argv);
    assert_true(world_wait_for(port));
}

/* ---- the warden ---- */

static void enrol(const char *state)
{
    static const char TOKEN[] = "token of the platform";
    static const char *const BACK_ENDS[] = {"process"};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    struct idevs_error err;
    enum tier tier;
    bool made;

    assert_true(identity_init(state, &made, &err));
    _cleanup_key_ struct key *key = identity_open(state, &err);
    assert_non_null(key);
    station_token(&host.station, TOKEN, TIER_ISOLATED, clock_unix() + 600);
    assert_true(identity_enrol(key, bytes_of_text(TOKEN), BACK_ENDS, 1, "here", &b));
    assert_true(
        submit_platform(host.station.issuer.registry, buffer_bytes(&b), clock_unix(), &tier, &err));
}

bool host_connect_to_warden(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", host.socket_path);
    host.sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(host.sock, (struct sockaddr *)&to, sizeof(to)) == 0)
        return true;
    fd_close(&host.sock);
    return false;
}

static void start_warden(void)
{
    _cleanup_text_ char *state = alloc_format("%s/warden", host.station.folder);
    _cleanup_text_ char *config = alloc_format("%s/warden.yaml", host.station.folder);
    _cleanup_text_ char *text =
        alloc_format("socket: warden.sock\nstate: warden\nlauncher_uid: %u\nuid_first: %d\n"
                     "uid_count: 8\n",
                     (unsigned)geteuid(), 740000 + 8 * (getpid() % 5000));
    const char *argv[] = {getenv("IDEVS_WARDEN"), "serve", "--config", config, NULL};

    enrol(state);
    put("warden.yaml", bytes_of_text(text));
    snprintf(host.socket_path, sizeof(host.socket_path), "%s/warden.sock", host.station.folder);
    host.warden = start(argv);
    for (int ms = 0; !host_connect_to_warden(); ms += 10) {
        assert_true(ms < WAIT_MS);
        usleep(10000);
    }
}

void warden_asks(struct bytes message, const int *fds, size_t n_fds)
{
    assert_true(fd_send(host.sock, message, fds, n_fds));
}

static void take_text(struct reader *r, char *ret, size_t size)
{
    struct bytes v;

    assert_true(cbor_get_text(r, &v));
    snprintf(ret, size, "%.*s", (int)v.len, (const char *)v.data);
}

static void take(struct reader *r, int64_t key, struct warden_said *ret)
{
    bool ended = ret->kind == WARDEN_ENDED;

    if (key == WARDEN_KEY_KIND)
        assert_true(cbor_get_uint(r, &ret->kind));
    else if (key == WARDEN_KEY_ID)
        assert_true(cbor_get_uint(r, &ret->id));
    else if (key == WARDEN_KEY_2 && (ended || ret->kind == WARDEN_RUN))
        assert_true(cbor_get_uint(r, &ret->number));
    else if (key == WARDEN_KEY_CODE || (ended && key == WARDEN_KEY_3))
        take_text(r, ret->code, sizeof(ret->code));
    else if (key == WARDEN_KEY_FOUND || (ended && key == WARDEN_KEY_4))
        take_text(r, ret->detail, sizeof(ret->detail));
    else
        assert_true(cbor_skip(r, NULL));
}

bool warden_says(struct warden_said *ret)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    struct pollfd p = {.fd = host.sock, .events = POLLIN};
    int fds[LIMIT_FDS];
    struct cbor_map map;
    int64_t key;
    size_t n;

    *ret = (struct warden_said){.fd = -1};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    if (!fd_receive(host.sock, &b, fds, &n) || b.len == 0)
        return false;
    ret->fd = fds[0];
    struct reader r = reader_of(buffer_bytes(&b));
    assert_true(cbor_map_begin(&r, &map));
    while (cbor_map_next(&map, &key))
        take(&r, key, ret);
    return cbor_map_done(&map);
}

void warden_run(int executable, struct warden_said *ret)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(64);
    int fds[2] = {executable, memfd_sealed("manifest", buffer_bytes(&host.manifest_cbor))};

    assert_true(cbor_put_map(&b, 3) && cbor_put_uint(&b, WARDEN_KEY_KIND) &&
                cbor_put_uint(&b, WARDEN_RUN) && cbor_put_uint(&b, WARDEN_KEY_ID) &&
                cbor_put_uint(&b, 7) && cbor_put_uint(&b, WARDEN_KEY_2) &&
                cbor_put_text(&b, bytes_of_text("process")));
    warden_asks(buffer_bytes(&b), fds, 2);
    close(fds[1]);
    assert_true(warden_says(ret));
}

/* ---- the program ---- */

static void make_manifest(void)
{
    struct manifest *m = &host.manifest;

    *m = host.station.e.manifest;
    snprintf(m->program, sizeof(m->program), "probe");
    m->every = 0;
    m->run_seconds = 60;
    host.owner = x25519_generate();
    x25519_public(host.owner, m->owner_seal_key);
    m->n_services = 0;
    relay_add_service(m, "store", &store);
    host.manifest_cbor = buffer_up_to(LIMIT_MANIFEST);
    host_set_manifest(true);
}

void host_set_manifest(bool approved)
{
    struct approval a = {.has_executable = true, .issued_at = clock_unix()};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(8));
    struct approval got;
    struct idevs_error err;

    buffer_clear(&host.manifest_cbor);
    assert_true(manifest_encode(&host.manifest, &host.manifest_cbor));
    if (!approved)
        return;
    snprintf(a.program, sizeof(a.program), "%s", host.manifest.program);
    sha256(buffer_bytes(&host.manifest_cbor), a.manifest);
    assert_true(sha256_fd(host.executable, a.executable));
    station_sign_approval(&host.station.e, &a, &b);
    if (!submit_approval(host.station.issuer.registry, buffer_bytes(&b), clock_unix(), &got, &err))
        fail_msg("%s: %s", err.code, err.found);
}

/* ---- around each test ---- */

static bool is_possible(void)
{
    return geteuid() == 0 && getenv("IDEVS_PROBE") != NULL;
}

void host_skip_unless_possible(void)
{
    if (!is_possible())
        skip();
}

/* The store serves what the authority's tier certifies. */
static void start_store(void)
{
    const struct actor_ca tier = {.certificate = host.station.issuer.tiers[TIER_ISOLATED]};

    world_start_for(&store, TEST_AUTHORITY, &tier);
}

int host_begin_authority(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    host = (struct host){.sock = -1, .executable = -1};
    station_make(&host.station);
    assert_int_equal(chmod(host.station.folder, 0755), 0);
    start_authority();
    return 0;
}

static int probe_in_memory(void)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);

    assert_true(file_read(getenv("IDEVS_PROBE"), &b, NULL));
    int fd = memfd_sealed("probe", buffer_bytes(&b));
    assert_true(fd >= 0);
    return fd;
}

int host_begin(void **state)
{
    host = (struct host){.sock = -1};
    if (!is_possible())
        return 0;
    host_begin_authority(state);
    start_store();
    host.executable = probe_in_memory();
    start_warden();
    make_manifest();
    relay_init(&relay);
    relay.authority_url = host.url;
    relay.authority_ca = host.ca_file;
    relay.owner = host.owner;
    relay.owners_program = host.manifest.program;
    return 0;
}

static void end_program_and_store(void)
{
    fd_close(&host.sock); /* its runs end with it */
    end(&host.warden);
    relay_end(&relay);
    fd_close(&host.executable);
    buffer_free(&host.manifest_cbor);
    x25519_free(host.owner);
    world_stop(&store);
}

int host_end(void **state)
{
    (void)state;
    if (host.warden)
        end_program_and_store();
    if (!host.authority)
        return 0; /* skipped */
    end(&host.launcher);
    end(&host.authority);
    station_free(&host.station);
    return 0;
}

/* ---- a run ---- */

static const char *code_of_status(const struct warden_said *said)
{
    int status = 0;

    if (strcmp(said->code, "compartment.crashed") != 0 ||
        sscanf(said->detail, "exit status %d", &status) != 1 || status < PROBE_STATUS ||
        status >= PROBE_STATUS + (int)ARRAY_LEN(PROBE_CODES))
        return NULL;
    return PROBE_CODES[status - PROBE_STATUS];
}

const char *host_runs_probe(void)
{
    static struct warden_said said;

    warden_run(host.executable, &said);
    assert_string_equal(said.code, "");
    relay_attach(&relay, said.fd);
    do
        assert_true(warden_says(&said));
    while (said.kind != WARDEN_ENDED);
    relay_wait(&relay);
    const char *code = code_of_status(&said);
    return code ? code : said.code;
}

void probe_refuses(const struct attack *this)
{
    const char *code = host_runs_probe();

    assert_int_equal(fake_service_count(&store.service), 0);
    attack_refused(this, RUNTIME, code);
}

const char *probe_logged(void)
{
    return relay.log.len ? (const char *)relay.log.data : "";
}

const char *authority_said(void)
{
    return relay.authority_code;
}

void host_control(void)
{
    host_skip_unless_possible();
    assert_string_equal(host_runs_probe(), "");
    assert_string_equal(probe_logged(), "info: read 200 {\"sale\":809}\ninfo: wrote 201 2\n");
    assert_int_equal(fake_service_count(&store.service), 2);
}

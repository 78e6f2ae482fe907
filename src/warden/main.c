/* idevs-warden: what a platform's operator does, and, with `build`, an auditor. */
#include "base/alloc.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "compartment/compartment.h"
#include "warden/evidence_make.h"
#include "warden/guest.h"
#include "warden/identity.h"
#include "warden/listing.h"
#include "warden/rebuild.h"
#include "warden/toolchain.h"
#include "warden/tpm.h"
#include "warden/warden.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE  2
#define LARGE_BLOCK KIB(256)
#define BUILD_UID   "699999" /* below those of a warden that serves */

static const char HELP[] =
    "usage: idevs-warden serve --config FILE\n"
    "       idevs-warden init --config FILE\n"
    "       idevs-warden enrol --config FILE --token-file FILE --out FILE [--description TEXT]\n"
    "       idevs-warden activate --config FILE --credential FILE --out FILE\n"
    "       idevs-warden backends [--config FILE] [--format text|json]\n"
    "       idevs-warden evidence --over HEX --out DIR\n"
    "       idevs-warden toolchain --out DIR [--include DIR] [--lib FILE] [--gcc PROGRAM]\n"
    "       idevs-warden guest --out DIR --kernel FILE [--init FILE] [--qemu FILE]\n"
    "       idevs-warden build --toolchain DIR --source FILE --manifest SHA256 [--back-end NAME]\n"
    "                          [--uid N]\n"
    "       idevs-warden --version | --help\n"
    "\n"
    "Compiles, measures, confines and attests programs for a launcher. Runs as root, without a\n"
    "network.\n"
    "\n"
    "  serve      serves the launcher until SIGTERM\n"
    "  init       makes the state folder and this platform's key, unless they are there\n"
    "  enrol      writes the request by which an authority enrols this platform\n"
    "  activate   with a TPM: writes the answer to the credential that the authority sent\n"
    "  backends   what programs can run in on this machine: usable or not, what is missing and "
    "how\n"
    "             to get it, what it protects from and what not; and which evidence of hardware\n"
    "             can be made\n"
    "  evidence   makes evidence of this machine's hardware: SEV-SNP, TDX, Nitro\n"
    "  toolchain  gathers the compiler and libraries that programs are compiled with, and prints\n"
    "             their digest\n"
    "  guest      gathers what guests of the back end microvm are made of: a kernel of Debian's\n"
    "             package and its modules, QEMU and its libraries\n"
    "  build      compiles as `serve` does, without its state, and prints the digests of the\n"
    "             executable and of the toolchain: `idevs audit` compares them with a certificate\n"
    "\n"
    "  --config FILE       YAML: socket, state, launcher_uid; optional toolchain, uid_first\n"
    "                      (700000), uid_count (1000), back_ends\n"
    "                      (process alone), the preferred one first, guest, attester\n"
    "                      (provider-signed, or tpm), tpm (device:/dev/tpmrm0, or socket:PATH),\n"
    "                      tpm_registers (\"0,1,2,3,4,5,6,7\"), tpm_endorsement\n"
    "  --token-file FILE   what `idevs-authority platform token` printed\n"
    "  --over HEX          64 bytes that the evidence is over, 128 digits\n"
    "  --credential FILE   what `idevs platform enrol` wrote\n"
    "  --out PATH          what is written; a toolchain also gets PATH.digest; evidence is a\n"
    "                      folder\n"
    "  --description TEXT  at most 127 characters for the authority's list (default: host name)\n"
    "  --include DIR       where idevs.h is (default " IDEVS_INCLUDE ")\n"
    "  --lib FILE          libidevs.a (default " IDEVS_LIB ")\n"
    "  --gcc PROGRAM       the compiler (default gcc-12)\n"
    "  --kernel FILE       .../boot/vmlinuz-VERSION; modules are in .../lib/modules/VERSION\n"
    "  --init FILE         a guest's first process (default " IDEVS_GUEST_INIT ")\n"
    "  --qemu FILE         the monitor (default /usr/bin/qemu-system-x86_64)\n"
    "  --toolchain DIR     what `idevs-warden toolchain` made\n"
    "  --manifest SHA256   of the manifest, as `idevs measure` prints it\n"
    "  --back-end NAME     that it is compiled for (default process)\n"
    "  --uid N             the compiler's user; nobody else's (default " BUILD_UID ")\n";

/* Every option takes a value and stands at most once. */
struct option {
    const char *name;
    const char *value; /* the default, then what was given */
    bool required;
    bool given;
};

static int usage(const char *format, const char *what)
{
    fprintf(stderr, "idevs-warden: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\nidevs-warden --help says what there is\n");
    return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct option *options, size_t n)
{
    for (int i = 0; i < argc; i += 2) {
        struct option *found = NULL;
        for (size_t k = 0; k < n; k++)
            if (strcmp(argv[i], options[k].name) == 0)
                found = &options[k];
        if (!found)
            return usage("'%s' is not known here", argv[i]);
        if (found->given)
            return usage("%s stands twice", argv[i]);
        if (i + 1 == argc || !*argv[i + 1])
            return usage("%s needs a value", argv[i]);
        found->given = true;
        found->value = argv[i + 1];
    }
    for (size_t k = 0; k < n; k++)
        if (options[k].required && !options[k].given)
            return usage("%s is missing", options[k].name);
    return 0;
}

static int failed(const struct idevs_error *err)
{
    log_refusal(IDEVS_ERROR, "idevs-warden", err);
    return 1;
}

static int serve(int argc, char **argv)
{
    struct option options[] = {{.name = "--config", .required = true}};
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    struct warden_config config;
    struct idevs_error err;

    if (status)
        return status;
    if (!warden_config_load(options[0].value, &config, &err))
        return failed(&err);
    /* Executables pass through: their room goes back to the system as soon as it is freed. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    struct warden *w = warden_open(&config, &err);
    warden_config_free(&config);
    if (!w)
        return failed(&err);
    bool ok = warden_serve(w);
    warden_close(w);
    if (!ok)
        log_error("cannot wait for events");
    return ok ? 0 : 1;
}

static int init(int argc, char **argv)
{
    struct option options[] = {{.name = "--config", .required = true}};
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    _cleanup_(warden_config_free) struct warden_config config = {0};
    struct idevs_error err;
    bool made;

    if (status)
        return status;
    if (!warden_config_load(options[0].value, &config, &err) ||
        !identity_init(config.state, &made, &err))
        return failed(&err);
    printf(made ? "made a platform key in %s\n" : "a platform key was in %s already\n",
           config.state);
    return 0;
}

/* The token as the authority printed it, without the end of its line. */
static bool read_token(const char *path, struct buffer *b, struct idevs_error *ret_err)
{
    if (!file_read(path, b, ret_err))
        return false;
    if (b->len > 0 && b->data[b->len - 1] == '\n')
        b->len--;
    if (b->len == 0)
        return refuse(ret_err, "platform.token", "%s is empty", path);
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] <= 0x20 || b->data[i] > 0x7e)
            return refuse(ret_err, "platform.token", "%s is not one token", path);
    return true;
}

/* Enrolled is what the configuration permits, whether or not this machine can do it yet. */
static bool make_request(const struct warden_config *config, const struct key *key,
                         struct bytes token, const char *description, struct buffer *b,
                         struct idevs_error *ret_err)
{
    const char *names[LIMIT_BACK_ENDS];
    char host[LIMIT_PLATFORM_TEXT] = "";
    size_t n = config->n_back_ends;
    _cleanup_buffer_ struct buffer request = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    gethostname(host, sizeof(host) - 1);
    if (!description)
        description = host;
    for (size_t i = 0; i < n; i++)
        names[i] = config->back_ends[i]->name;
    bool made = config->tpm ? identity_request(key, token, names, n, description, &request)
                            : identity_enrol(key, token, names, n, description, b);
    if (!made)
        return refuse(ret_err, "usage", "a description that is too long or not printable");
    return !config->tpm || warden_tpm_enrol(config, key, buffer_bytes(&request), b, ret_err);
}

static int enrol(int argc, char **argv)
{
    struct option options[] = {
        {.name = "--config", .required = true},
        {.name = "--token-file", .required = true},
        {.name = "--out", .required = true},
        {.name = "--description"},
    };
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    _cleanup_(warden_config_free) struct warden_config config = {0};
    _cleanup_buffer_ struct buffer token = buffer_up_to(LIMIT_TOKEN_FILE);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_TPM_PLATFORM);
    struct idevs_error err;

    if (status)
        return status;
    if (!warden_config_load(options[0].value, &config, &err) ||
        !read_token(options[1].value, &token, &err))
        return failed(&err);
    _cleanup_key_ struct key *key = identity_open(config.state, &err);
    if (!key || !make_request(&config, key, buffer_bytes(&token), options[3].value, &b, &err) ||
        !file_write(options[2].value, buffer_bytes(&b), 0644, &err))
        return failed(&err);
    return 0;
}

/* The answer to what the authority hid from all TPMs but this one. */
static int activate(int argc, char **argv)
{
    struct option options[] = {
        {.name = "--config", .required = true},
        {.name = "--credential", .required = true},
        {.name = "--out", .required = true},
    };
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    _cleanup_(warden_config_free) struct warden_config config = {0};
    _cleanup_buffer_ struct buffer credential = buffer_up_to(LIMIT_TPM_CREDENTIAL);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    struct idevs_error err;

    if (status)
        return status;
    if (!warden_config_load(options[0].value, &config, &err) ||
        !file_read(options[1].value, &credential, &err))
        return failed(&err);
    if (!config.tpm)
        return usage("%s has no `attester: tpm`", options[0].value);
    _cleanup_key_ struct key *key = identity_open(config.state, &err);
    if (!key || !warden_tpm_activate(&config, key, buffer_bytes(&credential), &b, &err) ||
        !file_write(options[2].value, buffer_bytes(&b), 0600, &err))
        return failed(&err);
    return 0;
}

static int backends(int argc, char **argv)
{
    struct option options[] = {{.name = "--config"}, {.name = "--format", .value = "text"}};
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    _cleanup_(warden_config_free) struct warden_config config = {0};
    struct idevs_error err;

    if (status)
        return status;
    bool as_json = strcmp(options[1].value, "json") == 0;
    if (!as_json && strcmp(options[1].value, "text") != 0)
        return usage("--format is text or json, not '%s'", options[1].value);
    if (options[0].value && !warden_config_load(options[0].value, &config, &err))
        return failed(&err);
    return listing_print(options[0].value ? &config : NULL, as_json) ? 0 : 1;
}

/* Says how to check it, in one line that can be run elsewhere. */
static int evidence(int argc, char **argv)
{
    struct option options[] = {{.name = "--over", .required = true},
                               {.name = "--out", .required = true}};
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    uint8_t over[REPORT_DATA_LEN];
    const char *out = options[1].value;
    bool endorsed = false;
    struct idevs_error err;

    if (status)
        return status;
    if (!hex_exactly(bytes_of_text(options[0].value), over, sizeof(over)))
        return usage("--over is 64 bytes in lower-case hex, not '%s'", options[0].value);
    const struct hardware_maker *maker = hardware_maker_here(&err);
    if (!maker || !evidence_make(maker, over, out, &endorsed, &err))
        return failed(&err);
    printf("idevs evidence verify %s/" EVIDENCE_FILE " --format %s --nonce %s", out, maker->format,
           options[0].value);
    if (endorsed)
        printf(" --endorsements %s/" ENDORSEMENTS_FILE, out);
    puts("");
    return 0;
}

static int toolchain(int argc, char **argv)
{
    struct option options[] = {
        {.name = "--out", .required = true},
        {.name = "--include", .value = IDEVS_INCLUDE},
        {.name = "--lib", .value = IDEVS_LIB},
        {.name = "--gcc", .value = "gcc-12"},
    };
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    uint8_t digest[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    struct idevs_error err;

    if (status)
        return status;
    const struct toolchain_options made = {options[0].value, options[1].value, options[2].value,
                                           options[3].value};
    if (!toolchain_make(&made, digest, &err))
        return failed(&err);
    hex_text(digest, sizeof(digest), hex);
    puts(hex);
    return 0;
}

static int guest(int argc, char **argv)
{
    struct option options[] = {
        {.name = "--out", .required = true},
        {.name = "--kernel", .required = true},
        {.name = "--init", .value = IDEVS_GUEST_INIT},
        {.name = "--qemu", .value = "/usr/bin/qemu-system-x86_64"},
    };
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    struct idevs_error err;

    if (status)
        return status;
    const struct guest_options made = {options[0].value, options[1].value, options[2].value,
                                       options[3].value};
    return guest_make(&made, &err) ? 0 : failed(&err);
}

static void print_digest(const uint8_t digest[SHA256_LEN], const char *of)
{
    char hex[2 * SHA256_LEN + 1];

    hex_text(digest, SHA256_LEN, hex);
    printf("%s  %s\n", hex, of);
}

static int build(int argc, char **argv)
{
    struct option options[] = {
        {.name = "--toolchain", .required = true}, {.name = "--source", .required = true},
        {.name = "--manifest", .required = true},  {.name = "--back-end", .value = "process"},
        {.name = "--uid", .value = BUILD_UID},
    };
    int status = parse(argc, argv, options, ARRAY_LEN(options));
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_COMPILER_TEXT);
    struct rebuilt rebuilt;
    struct idevs_error err;
    uint64_t uid;

    if (status)
        return status;
    if (!parse_u64(bytes_of_text(options[4].value), INT32_MAX, &uid) || uid == 0)
        return usage("--uid is a number from 1, not '%s'", options[4].value);
    const struct rebuild_options made = {options[0].value, options[1].value, options[2].value,
                                         options[3].value, (uid_t)uid};
    bool ok = rebuild(&made, &rebuilt, &text, &err);
    fprintf(stderr, "%.*s", (int)text.len, (const char *)text.data);
    if (!ok)
        return failed(&err);
    print_digest(rebuilt.executable, "executable");
    print_digest(rebuilt.toolchain, "toolchain");
    return 0;
}

static const struct {
    const char *name;
    int (*perform)(int argc, char **argv);
} COMMANDS[] = {{"serve", serve},         {"init", init},         {"enrol", enrol},
                {"activate", activate},   {"backends", backends}, {"evidence", evidence},
                {"toolchain", toolchain}, {"guest", guest},       {"build", build}};

int main(int argc, char **argv)
{
    process_forbid_dumps();
    log_open("idevs-warden", IDEVS_INFO);
    if (argc < 2)
        return usage("%s", "a command is missing");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(HELP, stdout);
            return 0;
        }
    }
    if (strcmp(argv[1], "--version") == 0 && argc == 2) {
        puts("idevs-warden " IDEVS_VERSION);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++)
        if (strcmp(argv[1], COMMANDS[i].name) == 0)
            return COMMANDS[i].perform(argc - 2, argv + 2);
    return usage("'%s' is no command", argv[1]);
}

/* init, approve, measure, platform enrol and activate: what an owner does with keys and the
 * authority directly.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/cli.h"
#include "crypto/x509.h"
#include "document/manifest_yaml.h"
#include "exchange/cose.h"
#include "wire/approval.h"
#include "wire/cose.h"
#include "wire/platform_request.h"
#include "wire/tpm.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- init ---- */

static bool write_home(const struct cli *cli, const char *name, const struct buffer *b, mode_t mode,
                       struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = home_path(cli, name);

    return file_write(path, buffer_bytes(b), mode, ret_err);
}

/* The TLS client certificate: self-signed, because only its key counts. */
static bool make_client_certificate(const struct key *key, struct buffer *pem)
{
    uint8_t spki[SPKI_LEN];
    struct chain chain _cleanup_chain_ = {0};
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    int64_t now = clock_unix();

    key_spki(key, spki);
    const struct certificate_fields fields = {.subject = "iDevS owner",
                                              .spki = spki,
                                              .not_before = now - LIMIT_OWNER_BACKDATE,
                                              .not_after =
                                                  now + LIMIT_OWNER_LIFE_DAYS * INT64_C(86400),
                                              .client_auth = true};
    if (!certificate_make(&fields, NULL, key, &der))
        return false;
    chain.at[0] = certificate_parse(buffer_bytes(&der), NULL);
    chain.n = chain.at[0] ? 1 : 0;
    return chain.n == 1 && chain_to_pem(&chain, pem);
}

static bool write_keys(const struct cli *cli, struct idevs_error *ret_err)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_x25519_ struct x25519_key *log_key = x25519_generate();
    _cleanup_public_key_ struct public_key *public_key = public_key_of(key);
    _cleanup_buffer_ struct buffer secret = buffer_up_to(LIMIT_PEM_KEY);
    _cleanup_buffer_ struct buffer log_secret = buffer_up_to(LIMIT_PEM_KEY);
    _cleanup_buffer_ struct buffer public = buffer_up_to(LIMIT_PEM_KEY);
    _cleanup_buffer_ struct buffer certificate = buffer_up_to(LIMIT_PEM_KEY);
    uint8_t log_public[X25519_LEN];

    x25519_public(log_key, log_public);
    if (!key_save(key, &secret) || !x25519_save(log_key, &log_secret) ||
        !public_key_pem(public_key, &public) || !x25519_public_pem(log_public, &public) ||
        !make_client_certificate(key, &certificate))
        return refuse(ret_err, "internal", "the owner's keys could not be encoded");
    return write_home(cli, "owner-log.key", &log_secret, 0600, ret_err) &&
           write_home(cli, "owner.pub.pem", &public, 0644, ret_err) &&
           write_home(cli, "owner.crt", &certificate, 0644, ret_err) &&
           write_home(cli, "owner.key", &secret, 0600, ret_err); /* last: it says "complete" */
}

/* Copies the anchor beside the keys, so that the home can be moved. */
static bool take_anchor(const struct cli *cli, const char *from, const char *name,
                        struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct chain chain _cleanup_chain_ = {0};

    return file_read(from, &pem, ret_err) && chain_from_pem(buffer_bytes(&pem), &chain, ret_err) &&
           write_home(cli, name, &pem, 0644, ret_err);
}

static bool note(struct buffer *config, const char *key, const char *value,
                 struct idevs_error *ret_err)
{
    return !value || buffer_append_format(config, "%s: '%s'\n", key, value) ||
           refuse(ret_err, "usage", "%s: too long", key);
}

/* Notes a peer's address and anchor as given; what is not given stays as it was. */
static bool take_peer(const struct cli *cli, const struct arguments *a, enum peer peer,
                      const struct addresses *before, struct buffer *config,
                      struct idevs_error *ret_err)
{
    char url_option[32];
    char ca_option[32];
    char ca_key[32];
    char ca_file[32];
    snprintf(url_option, sizeof(url_option), "--%s", PEERS[peer]);
    snprintf(ca_option, sizeof(ca_option), "--%s-ca", PEERS[peer]);
    snprintf(ca_key, sizeof(ca_key), "%s_ca", PEERS[peer]);
    snprintf(ca_file, sizeof(ca_file), "%s-ca.pem", PEERS[peer]);
    const char *url = argument_value(a, url_option);
    const char *ca = argument_value(a, ca_option);

    if (url && (strncmp(url, "https://", 8) != 0 || !authority_is_valid(url + 8)))
        return refuse_expecting(ret_err, "usage", "https://HOST[:PORT]", "%s %s", url_option, url);
    if (ca && !take_anchor(cli, ca, ca_file, ret_err))
        return false;
    return note(config, PEERS[peer], url ? url : before->url[peer], ret_err) &&
           note(config, ca_key, ca ? ca_file : before->ca[peer], ret_err);
}

static bool take_peers(const struct cli *cli, const struct arguments *a,
                       struct idevs_error *ret_err)
{
    _cleanup_addresses_ struct addresses before = {0};
    _cleanup_buffer_ struct buffer config = buffer_up_to(LIMIT_CONFIG);

    return home_addresses(cli, &before, ret_err) &&
           take_peer(cli, a, PEER_LAUNCHER, &before, &config, ret_err) &&
           take_peer(cli, a, PEER_AUTHORITY, &before, &config, ret_err) &&
           (config.len == 0 || write_home(cli, "config.yaml", &config, 0644, ret_err));
}

static bool run_init(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_text_ char *key = home_path(cli, "owner.key");
    struct stat st;
    bool keys_exist = stat(key, &st) == 0;

    if (!folder_make(cli->home, 0700, ret_err) || !take_peers(cli, a, ret_err) ||
        (!keys_exist && !write_keys(cli, ret_err)))
        return false;
    if (cli->json) {
        _cleanup_json_ json_t *j =
            json_pack("{s:s, s:b}", "home", cli->home, "made_keys", !keys_exist);
        print_json(j);
        return true;
    }
    printf("%s %s\n", keys_exist ? "kept the keys in" : "made new keys in", cli->home);
    printf("give owner.pub.pem to the operators of launcher and authority; never give owner.key\n");
    return true;
}

/* ---- measure ---- */

static bool is_manifest(const char *path)
{
    size_t n = strlen(path);

    return (n > 5 && strcmp(path + n - 5, ".yaml") == 0) ||
           (n > 4 && strcmp(path + n - 4, ".yml") == 0);
}

bool measure(const char *path, uint8_t ret[SHA256_LEN], struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer b =
        buffer_up_to(is_manifest(path) ? LIMIT_MANIFEST : LIMIT_EXECUTABLE);
    bool read =
        is_manifest(path) ? manifest_from_yaml(path, &b, ret_err) : file_read(path, &b, ret_err);

    if (read)
        sha256(buffer_bytes(&b), ret);
    return read;
}

static bool run_measure(const struct cli *cli, const struct arguments *a,
                        struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *all = json_object();

    for (size_t i = 0; i < a->n_positional; i++) {
        uint8_t digest[SHA256_LEN];
        char text[2 * SHA256_LEN + 1];
        if (!measure(a->positional[i], digest, ret_err))
            return false;
        hex_text(digest, sizeof(digest), text);
        if (json_object_set_new(all, a->positional[i], json_string(text)) != 0)
            return refuse_expecting(ret_err, "usage", "a path in UTF-8", "%s", a->positional[i]);
        if (!cli->json)
            printf("%s  %s\n", text, a->positional[i]);
    }
    if (cli->json)
        print_json(all);
    return true;
}

/* ---- approve ---- */

static bool take_toolchains(const struct cli *cli, const struct arguments *a, struct approval *ret,
                            struct idevs_error *ret_err)
{
    for (size_t i = 0; i < a->n_options; i++) {
        if (strncmp(a->options[i].name, "--toolchain=", 12) != 0)
            continue;
        if (ret->n_toolchains == LIMIT_TOOLCHAINS ||
            !hex_exactly(bytes_of_text(a->options[i].value), ret->toolchains[ret->n_toolchains],
                         SHA256_LEN))
            return refuse_expecting(ret_err, "usage", "1 to 8 digests of 64 hex digits",
                                    "--toolchain %s", a->options[i].value);
        ret->n_toolchains++;
    }
    if (ret->n_toolchains > 0)
        return true;
    if (!argument_given(a, "--toolchain-from-launcher"))
        return refuse_expecting(ret_err, "usage", "--toolchain HEX or --toolchain-from-launcher",
                                "an approval of a source without a toolchain");
    _cleanup_json_ json_t *health = launcher_ask(cli, "GET", NULL, ret_err, "/v1/health");
    if (!health)
        return false;
    if (strcmp(text_of(health, "warden"), "ok") != 0)
        return refuse(ret_err, "warden.unreachable", "the launcher cannot reach its warden");
    if (!hex_exactly(bytes_of_text(text_of(health, "toolchain")), ret->toolchains[0], SHA256_LEN))
        return refuse(ret_err, "build.toolchain", "the launcher's warden names none");
    ret->n_toolchains = 1;
    return true;
}

/* Fills in what was measured here, on the owner's machine. */
static bool take_measurements(const struct cli *cli, const struct arguments *a,
                              struct approval *ret, struct idevs_error *ret_err)
{
    const char *source = argument_value(a, "--source");
    const char *executable = argument_value(a, "--executable");

    if (!source == !executable)
        return refuse_expecting(ret_err, "usage", "--source FILE or --executable FILE", "%s",
                                source ? "both" : "neither");
    ret->has_source = source != NULL;
    ret->has_executable = executable != NULL;
    if (executable)
        return measure(executable, ret->executable, ret_err);
    return measure(source, ret->source, ret_err) && take_toolchains(cli, a, ret, ret_err);
}

static bool send_approval(const struct cli *cli, const struct approval *approval,
                          struct idevs_error *ret_err)
{
    _cleanup_key_ struct key *key = home_key(cli, ret_err);
    _cleanup_buffer_ struct buffer payload = buffer_up_to(LIMIT_APPROVAL);
    _cleanup_buffer_ struct buffer signed_bytes = buffer_up_to(LIMIT_APPROVAL);
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_JSON);

    if (!key)
        return false;
    if (!approval_encode(approval, &payload) ||
        !cose_sign(key, APPROVAL_TYPE, buffer_bytes(&payload), &signed_bytes))
        return refuse(ret_err, "internal", "the approval could not be encoded");
    const struct ask ask = {.peer = PEER_AUTHORITY,
                            .method = "POST",
                            .path = "/v1/approvals",
                            .type = APPROVAL_TYPE,
                            .body = buffer_bytes(&signed_bytes)};
    return remote_ask(cli, &ask, &answer, ret_err);
}

static void add_digest(json_t *j, const char *key, bool present, const uint8_t digest[SHA256_LEN])
{
    char text[2 * SHA256_LEN + 1];

    hex_text(digest, SHA256_LEN, text);
    json_object_set_new(j, key, present ? json_string(text) : json_null());
}

static void print_approval(const struct cli *cli, const struct approval *a)
{
    _cleanup_json_ json_t *j = json_pack("{s:s}", "program", a->program);

    add_digest(j, "manifest", true, a->manifest);
    add_digest(j, "source", a->has_source, a->source);
    add_digest(j, "toolchain", a->n_toolchains > 0, a->toolchains[0]);
    add_digest(j, "executable", a->has_executable, a->executable);
    if (cli->json) {
        print_json(j);
        return;
    }
    printf("approved at the authority: %s\n", a->program);
    for (const char *const *key =
             (const char *const[]){"source", "executable", "manifest", "toolchain", NULL};
         *key; key++)
        if (json_is_string(json_object_get(j, *key)))
            printf("  %-11s %s\n", *key, text_of(j, *key));
}

static bool run_approve(const struct cli *cli, const struct arguments *a,
                        struct idevs_error *ret_err)
{
    struct approval approval = {.issued_at = clock_unix()};
    _cleanup_buffer_ struct buffer cbor = buffer_up_to(LIMIT_MANIFEST);
    struct manifest manifest;
    const char *path;

    if (!argument_required(a, "--manifest", &path, ret_err) ||
        !manifest_from_yaml(path, &cbor, ret_err) ||
        !manifest_decode(buffer_bytes(&cbor), &manifest, ret_err) ||
        !take_measurements(cli, a, &approval, ret_err))
        return false;
    snprintf(approval.program, sizeof(approval.program), "%s", manifest.program);
    sha256(buffer_bytes(&cbor), approval.manifest);
    if (!send_approval(cli, &approval, ret_err))
        return false;
    print_approval(cli, &approval);
    return true;
}

/* ---- platform enrol, platform activate ---- */

static bool enrol(const struct cli *cli, const char *path, const char *type, struct bytes request,
                  struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *j = authority_post(cli, path, type, request, ret_err);

    if (!j)
        return false;
    if (cli->json)
        print_json(j);
    else
        printf("enrolled in tier %s\n", text_of(j, "tier"));
    return true;
}

/* With a TPM it takes a second step, on the host that has it. */
static bool ask_credential(const struct cli *cli, const char *path, struct bytes request,
                           struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_JSON);
    struct tpm_credential c;
    const struct ask ask = {.peer = PEER_AUTHORITY,
                            .method = "POST",
                            .path = "/v1/platforms/tpm",
                            .type = TPM_PLATFORM_TYPE,
                            .body = request};

    if (!remote_ask(cli, &ask, &answer, ret_err))
        return false;
    if (!tpm_credential_decode(buffer_bytes(&answer), &c))
        return refuse(ret_err, "authority.answer", "%zu bytes that are no credential", answer.len);
    if (!file_write(path, buffer_bytes(&answer), 0644, ret_err))
        return false;
    if (cli->json)
        printf("{\"credential\":true}\n");
    else
        printf("not enrolled yet: open %s with `idevs-warden activate`\n", path);
    return true;
}

static bool run_enrol(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer request = buffer_up_to(LIMIT_TPM_PLATFORM);
    const char *path;
    struct cose_sign1 m;

    if (!file_read(a->positional[0], &request, ret_err))
        return false;
    if (!cose_decode(buffer_bytes(&request), &m) || !bytes_equal_text(m.type, TPM_PLATFORM_TYPE))
        return enrol(cli, "/v1/platforms", PLATFORM_REQUEST_TYPE, buffer_bytes(&request), ret_err);
    /* Before the token is spent. */
    return argument_required(a, "--credential", &path, ret_err) &&
           ask_credential(cli, path, buffer_bytes(&request), ret_err);
}

static bool run_activate(const struct cli *cli, const struct arguments *a,
                         struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer answer = buffer_up_to(LIMIT_PLATFORM_REQUEST);

    return file_read(a->positional[0], &answer, ret_err) &&
           enrol(cli, "/v1/platforms/activation", TPM_ACTIVATION_TYPE, buffer_bytes(&answer),
                 ret_err);
}

static const char *const INIT_OPTIONS[] = {"--launcher=URL", "--launcher-ca=FILE",
                                           "--authority=URL", "--authority-ca=FILE", NULL};
static const char *const APPROVE_OPTIONS[] = {
    "--source=FILE",   "--executable=FILE",         "--manifest=FILE",
    "--toolchain=HEX", "--toolchain-from-launcher", NULL};

static const char *const ENROL_OPTIONS[] = {"--credential=FILE", NULL};

const struct command OWNER_COMMANDS[] = {
    {NULL, "init", "", "make the owner's keys and note where launcher and authority are",
     INIT_OPTIONS, 0, 0, run_init},
    {NULL, "approve", "--source|--executable FILE --manifest FILE",
     "sign which source and manifest may run, and tell the authority", APPROVE_OPTIONS, 0, 0,
     run_approve},
    {NULL, "measure", "FILE...", "SHA-256 of sources, executables and manifests (*.yaml)", NULL, 1,
     LIMIT_ARGUMENTS, run_measure},
    {"platform", "enrol", "REQUEST", "send a warden's enrolment request to the authority",
     ENROL_OPTIONS, 1, 1, run_enrol},
    {"platform", "activate", "ANSWER", "send what a warden with a TPM made of the credential", NULL,
     1, 1, run_activate},
    {0},
};

/* What the commands of `idevs` share. It holds the owner's keys, so it trusts its own machine and
 * nobody else: the launcher's answers are data, never instructions. */
#ifndef IDEVS_CLI_CLI_H
#define IDEVS_CLI_CLI_H

#include "base/error.h"
#include "cli/arguments.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "document/json.h"
#include "document/yaml.h"

/* Exit statuses, documented in --help. */
enum exit_status {
    STATUS_DONE = 0,
    STATUS_REFUSED = 1,
    STATUS_USAGE = 2, /* and a conformance run that could not be made */
    STATUS_UNREACHABLE = 3,
};

/* For a command whose output is a verdict: it has printed the refusal in it. */
struct outcome {
    bool is_printed;
    enum exit_status status;
};

struct cli {
    const char *home; /* folder with keys and config.yaml */
    bool json;        /* machine-readable output */
    bool terminal;    /* standard error is a terminal: show progress */
    struct outcome *outcome;
};

struct command {
    const char *group; /* "program" of `idevs program add`, or NULL */
    const char *name;
    const char *usage; /* positional arguments, for people */
    const char *about;
    const char *const *options; /* "--wait", "--manifest=FILE"; NULL-terminated */
    size_t min_positional;
    size_t max_positional;
    /* False: `ret_err` says why, and main() prints it. */
    bool (*run)(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err);
};

/* The commands of one file each; an entry without a name ends each table. */
extern const struct command OWNER_COMMANDS[];
extern const struct command REVOKE_COMMANDS[];
extern const struct command PROGRAM_COMMANDS[];
extern const struct command RUN_COMMANDS[];
extern const struct command SERVICE_COMMANDS[];
extern const struct command BACK_END_COMMANDS[];
extern const struct command CERT_COMMANDS[];
extern const struct command AUDIT_COMMANDS[];
extern const struct command EVIDENCE_COMMANDS[];
extern const struct command EXPLAIN_COMMANDS[];
extern const struct command MENU_COMMANDS[];
extern const struct command CONFORMANCE_COMMANDS[];

/* ---- output (output.c) ---- */

/* Control characters become '?', in place, but line ends and tabs: what a peer or a program says
 * must not steer the owner's terminal. */
void make_plain(char *text, size_t len);
void print_json(const json_t *j);
/* The answer as it is (--json), or each member of its array `name` by `row`. */
void print_rows(const struct cli *cli, const json_t *answer, const char *name,
                void (*row)(const json_t *));
/* An answer without content: "{}" (--json), or a line that says what was done. */
void print_done(const struct cli *cli, const char *format, ...) _printf_(2, 3);
/* A text field, or "-" when absent or null. */
const char *text_of(const json_t *object, const char *key);
/* 2026-11-23 20:15:00 UTC; "-" for null. */
void time_of(const json_t *object, const char *key, char ret[32]);
/* One line of progress on a terminal, overwritten by the next; empty text ends it. */
void progress(const struct cli *cli, const char *format, ...) _printf_(2, 3);
/* Seconds that one question may wait at the launcher for a change: few where somebody watches. */
int patience(const struct cli *cli);
void print_refusal(const struct cli *cli, const struct idevs_error *err);
enum exit_status status_of(const struct idevs_error *err);

/* ---- home (home.c) ---- */

/* `home`/`name`, or `name` when that starts with '/'; the caller's. */
char *home_path(const struct cli *cli, const char *name) _must_check_;
struct key *home_key(const struct cli *cli, struct idevs_error *ret_err);
struct x25519_key *home_log_key(const struct cli *cli, struct idevs_error *ret_err);

enum peer {
    PEER_LAUNCHER,
    PEER_AUTHORITY,
    PEER_COUNT,
};
extern const char *const PEERS[PEER_COUNT]; /* "launcher", "authority": keys in config.yaml */

/* What config.yaml says of each peer; NULL where it does not. */
struct addresses {
    struct yaml *config; /* owns the texts */
    const char *url[PEER_COUNT];
    const char *ca[PEER_COUNT]; /* file with anchors, relative to the home */
};
/* Without config.yaml all are NULL. Refuses `config.syntax`, `file.*`. */
bool home_addresses(const struct cli *cli, struct addresses *ret,
                    struct idevs_error *ret_err) _must_check_;
void addresses_release(struct addresses *a);
#define _cleanup_addresses_ _cleanup_(addresses_release)

/* ---- launcher and authority (remote.c) ---- */

struct ask {
    enum peer peer;
    const char *method;
    const char *path;
    const char *type; /* of the body, or NULL */
    struct bytes body;
    size_t max_answer; /* 0: LIMIT_JSON */
};
/* Asks; `ret` gets the body of a 2xx answer. Any other answer is the refusal that it carries. */
bool remote_ask(const struct cli *cli, const struct ask *ask, struct buffer *ret,
                struct idevs_error *ret_err) _must_check_;
/* A peer's answer, an object whose texts are plain (make_plain). NULL when refused. */
json_t *answer_json(struct bytes answer, struct idevs_error *ret_err);
/* POSTs what is signed to the authority: its JSON answer; NULL when refused. */
json_t *authority_post(const struct cli *cli, const char *path, const char *type, struct bytes body,
                       struct idevs_error *ret_err);
/* The launcher's JSON answer; NULL when refused. `body` NULL sends none; path is printf-like. */
json_t *launcher_ask(const struct cli *cli, const char *method, const json_t *body,
                     struct idevs_error *ret_err, const char *path, ...) _printf_(5, 6);
/* The same without a body in the answer. */
bool launcher_tell(const struct cli *cli, const char *method, const json_t *body,
                   struct idevs_error *ret_err, const char *path, ...) _printf_(5, 6) _must_check_;

/* ---- shared between commands ---- */

bool add_program(const struct cli *cli, const char *file, const char *manifest, bool executable,
                 json_t **ret, struct idevs_error *ret_err) _must_check_; /* program.c */
/* SHA-256 of a source, an executable, or a manifest (*.yaml) in its CBOR (owner.c). */
bool measure(const char *path, uint8_t ret[SHA256_LEN], struct idevs_error *ret_err) _must_check_;
bool build_program(const struct cli *cli, const char *name, json_t **ret,
                   struct idevs_error *ret_err) _must_check_;
bool print_logs(const struct cli *cli, const char *run, bool follow,
                struct idevs_error *ret_err) _must_check_; /* run.c */

#endif

/* A warden served in a process of its own, with a toolchain gathered from this host, and what a
 * launcher says to it. As root only. */
#ifndef IDEVS_TESTS_UNIT_WARDEN_SERVED_H
#define IDEVS_TESTS_UNIT_WARDEN_SERVED_H

#include "base/limits.h"
#include "compartment/compartment.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "wire/manifest.h"

#include <sys/types.h>

struct served {
    char *folder;
    char *socket;
    pid_t warden;
    struct public_key *platform;
    uint8_t toolchain[SHA256_LEN];
};
extern struct served served;

extern const char *const SERVED_BACK_ENDS[2]; /* that it permits */

/* `include` is the folder of idevs.h, `lib` libidevs.a; compartments get users from `uid_first` on,
 * 32 of them, which no other test has. False when it cannot be. */
bool served_begin(const char *include, const char *lib, uid_t uid_first);
/* The same again, after served_stop(), with or without secret memory. */
void served_start(uid_t uid_first, enum compartment_secrecy secrecy);
void served_stop(void); /* by SIGTERM, which must end it with status 0 */
void served_end(void);
/* Gathers a toolchain into the folder `name` of the warden's. */
void served_gather(const char *include, const char *lib, const char *name, uint8_t ret[SHA256_LEN]);

/* ---- the launcher ---- */

/* What of an answer the tests look at. */
struct answer {
    uint64_t kind;
    uint64_t id;
    uint64_t number; /* 2 */
    bool done;       /* 2 */
    bool cached;     /* 6 */
    uint8_t digest[SHA256_LEN];
    char text[KIB(50)]; /* 5, or the `ended` code */
    char detail[128];   /* 4, of `ended` */
    char code[64];
    int fd;
};

int served_connect(void);
void served_ask(int sock, struct bytes message, const int *fds, size_t n_fds);
/* False: the warden closed the connection. */
bool served_receive(int sock, struct answer *ret);

/* One run of at most 10 minutes, without services. */
struct manifest served_manifest(const char *program);
void served_build(int sock, struct bytes source, const char *program, struct answer *ret);
void served_ask_run(int sock, int executable, const char *back_end,
                    const struct manifest *manifest);
/* With the answer, where no end of another run can come before it. */
void served_run(int sock, int executable, const char *back_end, const struct manifest *manifest,
                struct answer *ret);
/* In `process`, with a digest that the launcher says is the executable's. */
void served_run_as(int sock, int executable, const uint8_t digest[SHA256_LEN],
                   const struct manifest *manifest, struct answer *ret);
/* The next message is the end of that run. */
void assert_ended(int sock, uint64_t number, const char *code);

#endif

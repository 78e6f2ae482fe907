/* A server in a process of its own, so that the tests may block, and a client that may send it
 * anything. */
#ifndef IDEVS_TESTS_UNIT_NET_SERVED_H
#define IDEVS_TESTS_UNIT_NET_SERVED_H

#include "base/limits.h"
#include "net/server.h"

#include <sys/types.h>

#define MAX_BODY  KIB(256)
#define MAX_TOTAL KIB(512)
#define BIG       MIB(4) /* what GET /big gets */
#define HOST      "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

struct served {
    pid_t pid;
    unsigned port;
    bool tls;
    char folder[64];
    struct event_base *base; /* in the server's process */
    struct server *server;
    struct server_request *late;
    struct event *timer;
    unsigned ticks;
};
extern struct served served;

/* With TLS, under cert.pem and key.pem of served.folder. */
void served_start(bool tls);
/* Set-up and teardown of a test. */
int served_start_plain(void **state);
int served_stop(void **state);
/* Reads a file of served.folder into `b`. */
struct bytes served_file(const char *name, struct buffer *b);

int dial(void);
void say(int fd, const char *text);
/* All up to the end of the stream; its length. */
size_t hear_all(int fd, char *ret, size_t size);
/* Until `wanted` was heard; fails the test when it does not come. */
void hear(int fd, const char *wanted, char *ret, size_t size);
double seconds_now(void);

#endif

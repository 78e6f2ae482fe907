/* The fixture of tests about one program: its peer, and what idevs_open() gave it. */
#ifndef IDEVS_TESTS_UNIT_RUNTIME_PROGRAM_H
#define IDEVS_TESTS_UNIT_RUNTIME_PROGRAM_H

#include "peer.h"
#include "test.h"

static struct peer peer;
static struct idevs *ip;

static int begin(void **state)
{
    (void)state;
    peer_init(&peer);
    return 0;
}

static void open_program(void)
{
    peer_start(&peer);
    struct runtime_options options = peer_options(&peer);
    ip = runtime_open(&options, NULL);
    assert_non_null(ip);
}

static int end(void **state)
{
    (void)state;
    idevs_close(ip);
    ip = NULL;
    peer_end(&peer);
    return 0;
}

#endif

/* The stream to the warden: frames that are none, that are for somebody else, too many, or never
 * whole; and programs that never end. All at the same time, each with a second for its run. */
#include "attempt.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ATTESTER_FD 4

enum {
    REQUEST = 1,
    REPLY = 2,
    EVENT = 3,
};

/* u32 length of the rest, u32 id, u8 kind, u16 status, u16 n, target, u16 m, type, body. */
static size_t put_frame(uint8_t *at, uint8_t kind, const char *target, size_t body_len)
{
    size_t n = strlen(target);
    size_t rest = 4 + 1 + 2 + 2 + n + 2 + body_len;

    memset(at, 0, 4 + rest);
    at[2] = (uint8_t)(rest >> 8);
    at[3] = (uint8_t)rest;
    at[7] = 1;
    at[8] = kind;
    at[12] = (uint8_t)n;
    memcpy(at + 13, target, n);
    return 4 + rest;
}

static bool read_all(uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t n = read(ATTESTER_FD, at, len);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* The outcome of a reply: what a status means, or that there was none. */
static int outcome_of_reply(void)
{
    static uint8_t reply[1 << 17];

    if (!read_all(reply, 4))
        return CLOSED;
    size_t rest = (size_t)reply[1] << 16 | (size_t)reply[2] << 8 | reply[3];
    if (rest > sizeof(reply) || !read_all(reply, rest))
        return CLOSED;
    return (reply[5] << 8 | reply[6]) == 200 ? THROUGH : PROBLEM;
}

static int outcome_of_bytes(const void *bytes, size_t len)
{
    if (write(ATTESTER_FD, bytes, len) != (ssize_t)len)
        return CLOSED;
    return outcome_of_reply();
}

static int outcome_of_frame(uint8_t kind, const char *target, size_t body_len)
{
    uint8_t frame[256];

    return outcome_of_bytes(frame, put_frame(frame, kind, target, body_len));
}

ATTEMPT(a_frame_longer_than_any_is_not_waited_for, CLOSED, CLOSED, NO_WARDEN,
        "announces a frame of four gigabytes")
{
    static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1};

    return outcome_of_bytes(head, sizeof(head));
}

ATTEMPT(bytes_that_are_no_frame_close_the_stream, CLOSED, CLOSED, NO_WARDEN,
        "sends bytes that are no frame")
{
    uint8_t garbage[64];

    memset(garbage, 0xa5, sizeof(garbage));
    return outcome_of_bytes(garbage, sizeof(garbage));
}

ATTEMPT(a_frame_of_length_zero_closes_the_stream, CLOSED, CLOSED, NO_WARDEN,
        "sends frames of no bytes")
{
    static const uint8_t none[16];

    return outcome_of_bytes(none, sizeof(none));
}

ATTEMPT(a_reply_is_no_request, CLOSED, CLOSED, NO_WARDEN, "sends its attester a reply")
{
    return outcome_of_frame(REPLY, "attest", 64);
}

ATTEMPT(an_event_is_no_request, CLOSED, CLOSED, NO_WARDEN, "tells its attester to stop")
{
    return outcome_of_frame(EVENT, "stop", 0);
}

ATTEMPT(the_attester_carries_nothing_to_services, PROBLEM, PROBLEM, NO_WARDEN,
        "sends its attester what is meant for the launcher, to a service past its relay")
{
    return outcome_of_frame(REQUEST, "service:store", 64);
}

ATTEMPT(the_attester_carries_nothing_to_the_authority, PROBLEM, PROBLEM, NO_WARDEN,
        "asks its attester for the authority's challenge")
{
    return outcome_of_frame(REQUEST, "authority:challenge", 0);
}

ATTEMPT(evidence_is_over_all_of_its_data, PROBLEM, PROBLEM, NO_WARDEN,
        "asks for evidence over 63 bytes, that the 64th may be anything")
{
    return outcome_of_frame(REQUEST, "attest", 63);
}

ATTEMPT(evidence_is_over_no_more_than_its_data, CLOSED, CLOSED, NO_WARDEN,
        "asks for evidence over 65 bytes")
{
    return outcome_of_frame(REQUEST, "attest", 65);
}

ATTEMPT(evidence_is_not_made_without_end, PROBLEM, PROBLEM, NO_WARDEN,
        "asks for evidence two hundred times at once, each a signature of the warden")
{
    for (size_t i = 0; i < 200; i++) {
        int outcome = outcome_of_frame(REQUEST, "attest", 64);
        if (outcome != THROUGH)
            return outcome;
    }
    return THROUGH;
}

/* THROUGH when all of it was taken. */
static int write_without_reading(const uint8_t *frame, size_t len)
{
    struct pollfd p = {.fd = ATTESTER_FD, .events = POLLOUT};

    if (fcntl(ATTESTER_FD, F_SETFL, O_NONBLOCK) < 0)
        return errno;
    for (size_t taken = 0; taken < 16 << 20; taken += len)
        if (write(ATTESTER_FD, frame, len) < 0 && (errno != EAGAIN || poll(&p, 1, 500) == 0))
            return errno;
    return THROUGH;
}

ATTEMPT(answers_that_nobody_reads_are_not_kept, EAGAIN, EAGAIN, NO_WARDEN,
        "asks for its manifest for ever and reads no answer, for the warden to keep them")
{
    uint8_t frame[64];

    return write_without_reading(frame, put_frame(frame, REQUEST, "manifest", 0));
}

ATTEMPT(half_a_frame_holds_up_nobody, LIMIT, LIMIT, NO_WARDEN,
        "sends half a frame and then nothing")
{
    uint8_t frame[256];

    put_frame(frame, REQUEST, "attest", 64);
    return outcome_of_bytes(frame, 20);
}

ATTEMPT(a_frame_of_single_bytes_holds_up_nobody, LIMIT, LIMIT, NO_WARDEN,
        "sends one byte of a frame each tenth of a second")
{
    uint8_t frame[1024] = {0, 0, 3, 0};
    const struct timespec pause = {.tv_nsec = 100000000};

    for (size_t i = 0; i < sizeof(frame); i++) {
        if (write(ATTESTER_FD, frame + i, 1) != 1)
            for (;;)
                nanosleep(&pause, NULL);
        nanosleep(&pause, NULL);
    }
    return THROUGH;
}

ATTEMPT(a_program_that_works_for_ever_is_ended, LIMIT, LIMIT, NO_WARDEN, "works for ever")
{
    volatile bool stop = false;

    while (!stop)
        ;
    return THROUGH;
}

ATTEMPT(a_program_that_sleeps_for_ever_is_ended, LIMIT, LIMIT, NO_WARDEN, "sleeps for ever")
{
    while (poll(NULL, 0, -1) == 0)
        ;
    return errno;
}

ATTEMPT(a_program_that_lets_go_of_its_streams_is_ended, LIMIT, LIMIT, NO_WARDEN,
        "closes both its streams, that nobody may think of it, and goes on")
{
    close(3);
    close(ATTESTER_FD);
    while (poll(NULL, 0, -1) == 0)
        ;
    return errno;
}

static const struct attempt *const ATTEMPTS[] = {
    ROW(a_frame_longer_than_any_is_not_waited_for),
    ROW(bytes_that_are_no_frame_close_the_stream),
    ROW(a_frame_of_length_zero_closes_the_stream),
    ROW(a_reply_is_no_request),
    ROW(an_event_is_no_request),
    ROW(the_attester_carries_nothing_to_services),
    ROW(the_attester_carries_nothing_to_the_authority),
    ROW(evidence_is_over_all_of_its_data),
    ROW(evidence_is_over_no_more_than_its_data),
    ROW(evidence_is_not_made_without_end),
    ROW(answers_that_nobody_reads_are_not_kept),
    ROW(half_a_frame_holds_up_nobody),
    ROW(a_frame_of_single_bytes_holds_up_nobody),
    ROW(a_program_that_works_for_ever_is_ended),
    ROW(a_program_that_sleeps_for_ever_is_ended),
    ROW(a_program_that_lets_go_of_its_streams_is_ended),
};

const struct attempt_group ATTESTER = {ATTEMPTS, sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0])};

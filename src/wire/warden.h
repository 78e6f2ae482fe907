/* What launcher and warden say to each other (docs/interfaces.md): the kinds of a message, and the
 * keys of its CBOR map. Each side reads and writes with code of its own. */
#ifndef IDEVS_WIRE_WARDEN_H
#define IDEVS_WIRE_WARDEN_H

enum warden_kind {
    WARDEN_STATUS = 1,
    WARDEN_BUILD = 2,
    WARDEN_RUN = 3,
    WARDEN_KILL = 4,
    WARDEN_ENDED = 5, /* the one event: id 0 */
};

enum warden_key {
    WARDEN_KEY_KIND = 0,
    WARDEN_KEY_ID = 1,
    WARDEN_KEY_2 =
        2, /* status: back ends; build: done; run, kill, ended: number, asked: back end */
    WARDEN_KEY_3 = 3,    /* status: toolchain; build, run: executable; ended: code */
    WARDEN_KEY_4 = 4,    /* status: platform key; build: toolchain; ended: detail */
    WARDEN_KEY_TEXT = 5, /* status: version; build: the compiler's text */
    WARDEN_KEY_CACHED = 6,
    WARDEN_KEY_MILLISECONDS = 7,
    WARDEN_KEY_SPANS = 8,
    WARDEN_KEY_LISTING = 9, /* status: every back end of the host, in words */
    WARDEN_KEY_CODE = 10,
    WARDEN_KEY_FOUND = 11,
    WARDEN_KEY_EXPECTED = 12,
};

#endif

/* HTTP/1.1 that two readers could understand differently (RFC 9112), and bounds. Each is a request
 * that would be answered but for one thing. */
#include "conformance/kit.h"

#define HTTP   "RFC 9112"
#define FRAMES "RFC 9112, 6; RFC 9112, 11.2"
#define GET    "GET " HEALTH_PATH " HTTP/1.1\r\nHost: @\r\nConnection: close\r\n"
#define POST   "POST " GATEWAY_PATH " HTTP/1.1\r\nHost: @\r\nConnection: close\r\n"
#define NEXT   "GET " HEALTH_PATH " HTTP/1.1\r\nHost: @\r\n\r\n"

const struct check HTTP_CHECKS[] = {
    {"http.health", "docs/interfaces.md", "a request in order", "HTTP 200", .raw = GET "\r\n"},
    {"http.path", "docs/interfaces.md", "a path that a gateway does not have",
     "plain api.not-found",
     .raw = "GET /conformance HTTP/1.1\r\nHost: @\r\nConnection: close\r\n\r\n"},
    {"http.method", "docs/interfaces.md", "DELETE of the key configuration", "plain api.method",
     .raw = "DELETE " GATEWAY_PATH " HTTP/1.1\r\nHost: @\r\nConnection: close\r\n\r\n"},
    {"http.two-lengths", FRAMES, "two Content-Length", "refused",
     .raw = GET "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"},
    {"http.same-lengths", FRAMES, "Content-Length twice", "refused",
     .raw = GET "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"},
    {"http.signed-length", FRAMES, "Content-Length: +0", "refused",
     .raw = GET "Content-Length: +0\r\n\r\n"},
    {"http.chunked", FRAMES, "Transfer-Encoding: chunked, and a request in the chunk's place",
     "refused", .raw = GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT},
    {"http.length-and-chunked", FRAMES, "Content-Length and Transfer-Encoding", "refused",
     .raw = GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"http.odd-coding", FRAMES, "Transfer-Encoding: xchunked", "refused",
     .raw = GET "Transfer-Encoding: xchunked\r\n\r\n"},
    {"http.no-host", "RFC 9112, 3.2", "no Host", "refused",
     .raw = "GET " HEALTH_PATH " HTTP/1.1\r\nConnection: close\r\n\r\n"},
    {"http.two-hosts", "RFC 9112, 3.2", "Host twice", "refused",
     .raw = GET "Host: elsewhere.invalid\r\n\r\n"},
    {"http.space-before-colon", "RFC 9112, 5.1", "white space before a colon", "refused",
     .raw = GET "X-A : 1\r\n\r\n"},
    {"http.folded", "RFC 9112, 5.2", "a field continued on the next line", "refused",
     .raw = GET "X-A: 1\r\n X-B: 2\r\n\r\n"},
    {"http.bare-lf", "RFC 9112, 2.2", "a line that ends in LF alone", "refused",
     .raw = GET "X-A: 1\nX-B: 2\r\n\r\n"},
    {"http.bare-cr", "RFC 9112, 2.2", "CR inside a value", "refused",
     .raw = GET "X-A: 1\rX-B: 2\r\n\r\n"},
    {"http.old", HTTP, "HTTP/1.0", "refused",
     .raw = "GET " HEALTH_PATH " HTTP/1.0\r\nHost: @\r\n\r\n"},
    {"http.absolute", "docs/interfaces.md", "a target with scheme and host", "refused",
     .raw = "GET https://@" HEALTH_PATH " HTTP/1.1\r\nHost: @\r\nConnection: close\r\n\r\n"},
    {"http.encoded-slash", "RFC 3986, 2.2", "an encoded slash in the target", "refused",
     .raw = "GET /.well-known/idevs%2fhealth HTTP/1.1\r\nHost: @\r\nConnection: close\r\n\r\n"},
    {"http.dots", "RFC 3986, 5.2.4", "dots in the target", "refused",
     .raw = "GET /x/.." HEALTH_PATH " HTTP/1.1\r\nHost: @\r\nConnection: close\r\n\r\n"},
    {"http.body", "docs/service-owners.md", "a body of 1 GiB, announced",
     "plain http.body-too-large | HTTP 413",
     .raw = POST "Content-Type: message/ohttp-req\r\nContent-Length: 1073741824\r\n\r\n"},
    {"http.head", "docs/service-owners.md", "a Client-Cert of 60,000 characters", "refused",
     .raw = POST "Client-Cert: :" TIMES_10(TIMES_10(TIMES_10(SIXTY))) ":\r\n\r\n"},
    {0},
};

/* The same flow done conventionally: a plain client over HTTPS keep-alive, directly to the same
 * services. Prints one line of JSON.
 *
 *   conventional MODE COUNT CA.pem STORE-URL TRANSPORT-URL MESSAGING-URL
 *
 * MODE is flow, read, write, or idle: it reads, and then waits until its input is closed. */
#include <curl/curl.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "statistics.h"

#define WARM_UP 20

struct peer {
    CURL *easy;
    struct curl_slist *fields;
    char url[256];
};

static size_t count_bytes(char *data, size_t size, size_t n, void *context)
{
    (void)data;
    *(size_t *)context += size * n;
    return size * n;
}

static bool peer_open(struct peer *p, const char *base, const char *path, const char *ca)
{
    p->easy = curl_easy_init();
    p->fields = curl_slist_append(NULL, "Content-Type: application/json");
    if (!p->easy || !p->fields)
        return false;
    snprintf(p->url, sizeof(p->url), "%s%s", base, path);
    curl_easy_setopt(p->easy, CURLOPT_URL, p->url);
    curl_easy_setopt(p->easy, CURLOPT_CAINFO, ca);
    curl_easy_setopt(p->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    curl_easy_setopt(p->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, count_bytes);
    return true;
}

/* GET when `body` is NULL. */
static int exchange(struct peer *p, const char *body)
{
    size_t received = 0;
    long status = 0;

    curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, &received);
    if (body) {
        curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->fields);
        curl_easy_setopt(p->easy, CURLOPT_COPYPOSTFIELDS, body);
    }
    if (curl_easy_perform(p->easy) != CURLE_OK)
        return 1;
    curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 300;
}

static int operate(struct peer peers[3], const char *mode, int i)
{
    char trip[256];
    char text[256];

    snprintf(
        trip, sizeof(trip),
        "{\"sale\":%d,\"customer\":\"Ana\",\"phone\":\"+5511999999999\",\"address\":\"Rua A 1\"}",
        i);
    snprintf(text, sizeof(text), "{\"to\":\"+5511999999999\",\"text\":\"trip for sale %d\"}", i);
    if (strcmp(mode, "read") == 0 || strcmp(mode, "idle") == 0)
        return exchange(&peers[0], NULL);
    if (strcmp(mode, "write") == 0)
        return exchange(&peers[1], trip);
    return exchange(&peers[0], NULL) || exchange(&peers[1], trip) || exchange(&peers[2], text);
}

static void measure(struct peer peers[3], const char *mode, int n)
{
    uint64_t *took = calloc((size_t)n, sizeof(took[0]));
    int failed = 0;

    if (!took)
        return;
    for (int i = 0; i < WARM_UP; i++)
        failed += operate(peers, mode, n + i);
    uint64_t cpu = bench_cpu_ns();
    uint64_t begin = bench_now_ns();
    for (int i = 0; i < n; i++) {
        uint64_t since = bench_now_ns();
        failed += operate(peers, mode, i);
        took[i] = bench_now_ns() - since;
    }
    uint64_t all = bench_now_ns() - begin;
    cpu = bench_cpu_ns() - cpu;
    qsort(took, (size_t)n, sizeof(took[0]), bench_compare);
    printf("{\"mode\":\"%s\",\"n\":%d,\"failed\":%d,\"seconds\":%.6f,\"cpu_us\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           mode, n, failed, (double)all / 1e9, (double)cpu / 1e3 / n,
           bench_quantile_us(took, (size_t)n, 0.5), bench_quantile_us(took, (size_t)n, 0.99));
    free(took);
}

int main(int argc, char **argv)
{
    static const char *const PATHS[] = {"/api/sales?after=0&limit=1", "/api/trips",
                                        "/send-message"};
    struct peer peers[3];

    long count = argc == 7 ? strtol(argv[2], NULL, 10) : 0;
    if (count < 1 || count > 10000000) {
        fprintf(stderr, "usage: conventional MODE COUNT CA.pem STORE TRANSPORT MESSAGING\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < 3; i++)
        if (!peer_open(&peers[i], argv[4 + i], PATHS[i], argv[3]))
            return 1;
    measure(peers, argv[1], (int)count);
    fflush(stdout);
    while (strcmp(argv[1], "idle") == 0 && getchar() != EOF)
        ;
    for (int i = 0; i < 3; i++) {
        curl_slist_free_all(peers[i].fields);
        curl_easy_cleanup(peers[i].easy);
    }
    curl_global_cleanup();
    return 0;
}

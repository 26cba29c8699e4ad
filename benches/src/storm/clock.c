/* A wrong calendar for one process: LD_PRELOAD it with CLOCK_OFF_BY set to seconds.
 *
 * What reads the time of day gets it shifted. Whoever waits until a time of day means the same one,
 * so deadlines are shifted back; deadlines of the monotonic clock are small numbers and stay.
 * (libfaketime leaves out C11's cnd_timedwait: a Kafka client under it waits an hour or not at all.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

static long off(void) {
    static long known, value;
    if (!known) {
        const char *text = getenv("CLOCK_OFF_BY");
        value = text ? atol(text) : 0;
        known = 1;
    }
    return value;
}

static void *next(const char *name, const char *version) {
    void *found = version ? dlvsym(RTLD_NEXT, name, version) : NULL;
    return found ? found : dlsym(RTLD_NEXT, name);
}

static struct timespec back(const struct timespec *until) {
    struct timespec real = *until;
    if (real.tv_sec > 1000000000L) real.tv_sec -= off();
    return real;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = next("clock_gettime", NULL);
    int status = real(clock, now);
    if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += off();
    return status;
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    int status = clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return status;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!real) real = next("pthread_cond_timedwait", "GLIBC_2.3.2");
    struct timespec deadline = back(until);
    return real(cond, mutex, &deadline);
}

int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until) {
    static int (*real)(cnd_t *, mtx_t *, const struct timespec *);
    if (!real) real = next("cnd_timedwait", NULL);
    struct timespec deadline = back(until);
    return real(cond, mutex, &deadline);
}

// Preloaded into a process: its system clock is the machine's, moved by the nanoseconds (int64) in the file
// CLOCK_SHIFT. Waits until a time on that clock are given to the kernel as times on the machine's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define MONOTONIC_AT_MOST 100000000  // [s] three years of uptime: what is more is a time of day

typedef int (*Read)(clockid_t, struct timespec *);
typedef int (*Wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static Read machine_clock;
static volatile long long *shift;

static struct timespec moved(struct timespec time, long long by)
{
  long long all = time.tv_sec * SECOND + time.tv_nsec + by;
  return (struct timespec){all / SECOND, all % SECOND};
}

__attribute__((constructor)) static void map_shift(void)
{
  machine_clock = (Read)dlsym(RTLD_NEXT, "clock_gettime");
  int file = open(getenv("CLOCK_SHIFT"), O_RDONLY);
  void * mapped = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  shift = mapped == MAP_FAILED ? NULL : mapped;
}

int clock_gettime(clockid_t id, struct timespec * time)
{
  int result = (machine_clock ? machine_clock : (Read)dlsym(RTLD_NEXT, "clock_gettime"))(id, time);
  if (!result && shift && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    *time = moved(*time, *shift);
  }
  return result;
}

int pthread_cond_timedwait(pthread_cond_t * condition, pthread_mutex_t * mutex, const struct timespec * until)
{
  Wait wait = (Wait)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!wait) {
    wait = (Wait)dlsym(RTLD_NEXT, "pthread_cond_timedwait");  // other processors have one version only
  }
  struct timespec end = moved(*until, shift && until->tv_sec > MONOTONIC_AT_MOST ? -*shift : 0);
  return wait(condition, mutex, &end);
}

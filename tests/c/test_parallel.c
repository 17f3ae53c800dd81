#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "minunit.h"

/* A second copy of parallel.c whose threads cannot be started beyond the first few. */
static int starts_left;
static int scarce_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                         void *arg) {
  return starts_left-- > 0 ? pthread_create(thread, attr, start, arg) : 11;
}
int scarce_workers(const fe_exec *exec, int64_t n_tasks);
fe_status scarce_parallel_for(const fe_exec *exec, int64_t n_tasks, fe_task task, void *data);
#define pthread_create scarce_create
#define fe_workers scarce_workers
#define fe_poll scarce_poll
#define fe_parallel_for scarce_parallel_for
#include "../../src/core/parallel.c"
#undef pthread_create
#undef fe_workers
#undef fe_poll
#undef fe_parallel_for

enum { N = 1000, MAX_WORKERS = 8 };

typedef struct {
  int64_t slot[N];
  int times[N];
  int busy[MAX_WORKERS]; /* tasks run at the moment under this worker number */
  int shared;            /* a worker number was used twice at a time, or is out of range */
  int threads;
  long sleep_ns;
  atomic_int done;
} record;

static void nap(long ns) {
  struct timespec t = {0, ns};
  nanosleep(&t, NULL);
}

static void note(int64_t task, int worker, void *data) {
  record *r = data;
  if (worker < 0 || worker >= r->threads || r->busy[worker]++) r->shared = 1;
  r->slot[task] = task * task;
  r->times[task]++;
  if (r->sleep_ns) nap(r->sleep_ns);
  atomic_fetch_add(&r->done, 1);
  r->busy[worker]--;
}

static int poll_never(void *data) {
  ++*(int *)data;
  return 0;
}

static int poll_second_time(void *data) { return ++*(int *)data >= 2; }

static int all_once(const record *r) {
  for (int i = 0; i < N; i++) {
    if (r->times[i] != 1 || r->slot[i] != (int64_t)i * i) return 0;
  }
  return 1;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void every_task_runs_once(void) {
  for (int threads = -1; threads <= MAX_WORKERS; threads++) {
    for (int polls = 0; polls < 2; polls++) {
      record *r = calloc(1, sizeof *r);
      int n = 0;
      fe_exec exec = {threads, polls ? poll_never : NULL, &n};
      r->threads = threads > 1 ? threads : 1;
      check(fe_parallel_for(&exec, N, note, r) == FE_OK);
      check(all_once(r));
      check(!r->shared);
      free(r);
    }
  }
}

static void no_tasks_is_fine(void) {
  fe_exec exec = {4, NULL, NULL};
  record r = {.threads = 4};
  check(fe_parallel_for(&exec, 0, note, &r) == FE_OK);
  check(fe_parallel_for(&exec, -3, note, &r) == FE_OK);
  check(atomic_load(&r.done) == 0);
}

static void workers_are_bounded_by_tasks_and_threads(void) {
  fe_exec four = {4, NULL, NULL}, none = {0, NULL, NULL};
  check(fe_workers(&four, 100) == 4);
  check(fe_workers(&four, 3) == 3);
  check(fe_workers(&four, 0) == 1);
  check(fe_workers(&none, 100) == 1);
  check(fe_workers(&four, INT64_MAX) == 4);
}

/* 1000 tasks of 10 ms are ten seconds of work; the second poll comes after a tenth of one. */
static void a_poll_stops_the_work(void) {
  for (int threads = 1; threads <= 4; threads *= 2) {
    record *r = calloc(1, sizeof *r);
    int n = 0;
    fe_exec exec = {threads, poll_second_time, &n};
    r->threads = threads;
    r->sleep_ns = 10000000;
    double start = seconds();
    check(fe_parallel_for(&exec, N, note, r) == FE_EINTR);
    check(seconds() - start < 1);
    check(n == 2);
    check(atomic_load(&r->done) > 0 && atomic_load(&r->done) < N);
    free(r);
  }
}

/* Long tasks: with several threads the poll is asked while they run. */
static void polls_go_on_during_long_tasks(void) {
  record *r = calloc(1, sizeof *r);
  int n = 0;
  fe_exec exec = {2, poll_never, &n};
  r->threads = 2;
  r->sleep_ns = 500000000;
  check(fe_parallel_for(&exec, 2, note, r) == FE_OK);
  check(n >= 2 && n <= 10);
  free(r);
}

static void works_when_threads_cannot_be_started(void) {
  for (int available = 0; available <= 2; available++) {
    for (int polls = 0; polls < 2; polls++) {
      record *r = calloc(1, sizeof *r);
      int n = 0;
      fe_exec exec = {4, polls ? poll_never : NULL, &n};
      r->threads = 4;
      starts_left = available;
      check(scarce_parallel_for(&exec, N, note, r) == FE_OK);
      check(all_once(r));
      check(!r->shared);
      free(r);
    }
  }
}

static void inner_loop(int64_t task, int worker, void *data) {
  fe_exec alone = {1, NULL, NULL};
  record *r = (record *)data + task;
  (void)worker;
  fe_parallel_for(&alone, N, note, r);
}

static void loops_nest(void) {
  record *r = calloc(4, sizeof *r);
  fe_exec exec = {3, NULL, NULL};
  for (int i = 0; i < 4; i++) r[i].threads = 1;
  check(fe_parallel_for(&exec, 4, inner_loop, r) == FE_OK);
  for (int i = 0; i < 4; i++) check(all_once(r + i));
  free(r);
}

int main(void) {
  run(every_task_runs_once);
  run(no_tasks_is_fine);
  run(workers_are_bounded_by_tasks_and_threads);
  run(a_poll_stops_the_work);
  run(polls_go_on_during_long_tasks);
  run(works_when_threads_cannot_be_started);
  run(loops_nest);
  return report();
}

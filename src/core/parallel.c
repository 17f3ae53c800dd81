/* A loop over independent tasks. Every thread that works takes the next task from one atomic
 * counter. With a poll and several threads, the workers are all new threads and the caller does
 * nothing but wait, in slices of POLL_NS, and poll, so that an answer is heard within a slice
 * even while tasks are long. Otherwise the caller is worker 0; it polls between its tasks, by
 * the clock, so that tasks may be as short as they like. */
#include "parallel.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#ifndef _WIN32
#include <signal.h>
#endif

#define POLL_NS 50000000L
#define SECOND_NS 1000000000L

typedef struct {
  const fe_exec *exec;
  fe_task task;
  void *data;
  size_t n_tasks;
  atomic_size_t next;
  atomic_int stop;
  struct timespec polled; /* the caller's alone */
  pthread_mutex_t lock;
  pthread_cond_t ended;
  int running; /* started threads that have not ended; under lock */
} loop_state;

typedef struct {
  loop_state *loop;
  int id;
  pthread_t thread;
} worker_state;

static void poll_now(loop_state *s) {
  if (s->exec->poll && s->exec->poll(s->exec->poll_data)) atomic_store(&s->stop, 1);
  clock_gettime(CLOCK_MONOTONIC, &s->polled);
}

static void poll_if_due(loop_state *s) {
  struct timespec now;
  if (!s->exec->poll) return;
  clock_gettime(CLOCK_MONOTONIC, &now);
  double ns = (double)(now.tv_sec - s->polled.tv_sec) * SECOND_NS +
              (double)(now.tv_nsec - s->polled.tv_nsec);
  if (ns >= POLL_NS) poll_now(s);
}

static void run_tasks(loop_state *s, int worker, int is_caller) {
  for (;;) {
    size_t t = atomic_fetch_add(&s->next, 1);
    if (t >= s->n_tasks) return;
    if (is_caller) poll_if_due(s);
    if (atomic_load(&s->stop)) return;
    s->task((int64_t)t, worker, s->data);
  }
}

static void *worker_main(void *arg) {
  worker_state *w = arg;
  loop_state *s = w->loop;
  run_tasks(s, w->id, 0);
  pthread_mutex_lock(&s->lock);
  if (--s->running == 0) pthread_cond_signal(&s->ended);
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* The host's signal handlers may jump, so signals are left to the thread of the host. */
static int start_quietly(worker_state *w) {
#ifdef _WIN32
  return pthread_create(&w->thread, NULL, worker_main, w);
#else
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int failed = pthread_create(&w->thread, NULL, worker_main, w);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return failed;
#endif
}

/* Starts threads for workers first..last-1, as many as can be had; returns how many run. */
static int start_workers(loop_state *s, worker_state *w, int first, int last) {
  for (int i = 0; i < last - first; i++) {
    w[i].loop = s;
    w[i].id = first + i;
    pthread_mutex_lock(&s->lock);
    s->running++;
    pthread_mutex_unlock(&s->lock);
    if (start_quietly(w + i) == 0) continue;
    pthread_mutex_lock(&s->lock);
    s->running--;
    pthread_mutex_unlock(&s->lock);
    return i;
  }
  return last - first;
}

/* Waits until every worker has ended or POLL_NS have passed. Called under the lock. */
static void wait_a_slice(loop_state *s) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += POLL_NS;
  if (until.tv_nsec >= SECOND_NS) {
    until.tv_nsec -= SECOND_NS;
    until.tv_sec++;
  }
  int rc = 0;
  while (s->running > 0 && rc != ETIMEDOUT) {
    rc = pthread_cond_timedwait(&s->ended, &s->lock, &until);
  }
}

static void wait_for_workers(loop_state *s) {
  pthread_mutex_lock(&s->lock);
  while (s->running > 0) {
    if (!s->exec->poll || atomic_load(&s->stop)) {
      pthread_cond_wait(&s->ended, &s->lock);
      continue;
    }
    wait_a_slice(s);
    if (s->running == 0) break;
    pthread_mutex_unlock(&s->lock);
    poll_now(s);
    pthread_mutex_lock(&s->lock);
  }
  pthread_mutex_unlock(&s->lock);
}

static void run_threaded(loop_state *s, worker_state *w, int workers) {
  int caller_works = s->exec->poll == NULL;
  int started = start_workers(s, w, caller_works, workers);
  if (caller_works || started == 0) run_tasks(s, 0, 1);
  wait_for_workers(s);
  for (int i = 0; i < started; i++) pthread_join(w[i].thread, NULL);
}

/* Threads need a lock, a condition and a list; without any of them the caller works alone. */
static void run_workers(loop_state *s, int workers) {
  worker_state *w = workers > 1 ? malloc((size_t)workers * sizeof *w) : NULL;
  int has_lock = w && pthread_mutex_init(&s->lock, NULL) == 0;
  int has_ended = has_lock && pthread_cond_init(&s->ended, NULL) == 0;
  if (has_ended) {
    run_threaded(s, w, workers);
    pthread_cond_destroy(&s->ended);
  } else {
    run_tasks(s, 0, 1);
  }
  if (has_lock) pthread_mutex_destroy(&s->lock);
  free(w);
}

fe_status fe_poll(const fe_exec *exec) {
  return exec->poll && exec->poll(exec->poll_data) ? FE_EINTR : FE_OK;
}

int fe_workers(const fe_exec *exec, int64_t n_tasks) {
  int threads = exec->threads > 1 ? exec->threads : 1;
  if (n_tasks < 1) return 1;
  return n_tasks < threads ? (int)n_tasks : threads;
}

fe_status fe_parallel_for(const fe_exec *exec, int64_t n_tasks, fe_task task, void *data) {
  loop_state s = {.exec = exec, .task = task, .data = data};
  s.n_tasks = n_tasks > 0 ? (size_t)n_tasks : 0;
  atomic_init(&s.next, 0);
  atomic_init(&s.stop, 0);
  clock_gettime(CLOCK_MONOTONIC, &s.polled);
  run_workers(&s, fe_workers(exec, n_tasks));
  return atomic_load(&s.stop) ? FE_EINTR : FE_OK;
}

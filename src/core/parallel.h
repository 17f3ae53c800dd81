/* The only file that knows threads. */
#ifndef FE_PARALLEL_H
#define FE_PARALLEL_H

#include "types.h"

/* One task; worker is in 0..threads-1 and says whose scratch space may be used. A task writes
 * only to slots of its own, so results cannot depend on the number of threads. */
typedef void (*fe_task)(int64_t task, int worker, void *data);

/* Runs tasks 0..n_tasks-1 on up to exec->threads threads. The calling thread polls, and is one
 * of them only if there is no poll or a single thread.
 * Returns FE_OK, or FE_EINTR after all workers have stopped; a thread that cannot be started
 * only means fewer workers. Tasks should take well under 0.2 s each for a prompt stop. */
fe_status fe_parallel_for(const fe_exec *exec, int64_t n_tasks, fe_task task, void *data);

/* FE_EINTR if the poll asks to stop: for between the stages of work that is not in a loop. */
fe_status fe_poll(const fe_exec *exec);

/* Workers worth having for so many tasks: 1..exec->threads. */
int fe_workers(const fe_exec *exec, int64_t n_tasks);

#endif

/* Outcome of a core routine. The core never prints, never allocates through a host and
 * never jumps: it returns one of these, and the caller decides how to say it. */
#ifndef FE_STATUS_H
#define FE_STATUS_H

typedef enum {
  FE_OK = 0,
  FE_ENOMEM,    /* an allocation failed */
  FE_EINTR,     /* the poll asked to stop */
  FE_ENOCONV,   /* an iteration ended above its tolerance */
  FE_ESINGULAR, /* a system that must be solvable is not */
  FE_EINVAL     /* an argument breaks the contract */
} fe_status;

const char *fe_status_text(fe_status status);

#endif

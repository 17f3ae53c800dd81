#include "coder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define BIAS ((uint64_t)1 << 63)

enum { CHUNK = 1 << 16, BLOCK = 512, AHEAD = 12 };

typedef enum { BY_TABLE, BY_BITMAP, BY_HASH } method;

/* 64 keys of the range: which of them occur, and how many occur before the first of them. */
typedef struct {
  uint64_t bits;
  uint64_t before;
} word;

/* id counts the distinct keys of a thread in the order of their arrival from 1; 0 is empty. */
typedef struct {
  uint64_t key;
  int id;
  int rows;
} slot;

typedef struct {
  slot *slots;
  int shift; /* 64 - log2 of the number of slots */
  int used;
  int failed;
} hash;

struct fe_coder {
  fe_ids ids;
  fe_exec exec;
  method how;
  uint64_t low;
  uint64_t range; /* number of keys from the least to the largest; 0 where it is 2^64 */
  int n_levels;
  uint64_t *key;
  int *rows;
  int *table;     /* BY_TABLE: code of each key of the range, 0 where it does not occur */
  word *bitmap;   /* BY_BITMAP */
  int *map;       /* BY_HASH: from the ids of all threads to codes */
  size_t n_map;
  int *map_start; /* where the thread that did a task begins in map */
};

/* ---- keys ---------------------------------------------------------------------------------- */

static inline uint64_t key_of_double(double x) {
  uint64_t bits;
  double v = x + 0.0; /* makes -0 a 0 */
  memcpy(&bits, &v, sizeof bits);
  return bits & BIAS ? ~bits : bits | BIAS;
}

double fe_key_double(uint64_t key) {
  uint64_t bits = key & BIAS ? key ^ BIAS : ~key;
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

int64_t fe_key_int64(uint64_t key) { return (int64_t)(key ^ BIAS); }

const void *fe_key_pointer(uint64_t key) { return (const void *)(uintptr_t)(key << 3); }

static void load_keys(const fe_ids *s, int64_t from, int m, uint64_t *key) {
  switch (s->kind) {
  case FE_IDS_INT: {
    const int *x = (const int *)s->x + from;
    for (int i = 0; i < m; i++) key[i] = (uint64_t)(int64_t)x[i] ^ BIAS;
    break;
  }
  case FE_IDS_INT64: {
    const int64_t *x = (const int64_t *)s->x + from;
    for (int i = 0; i < m; i++) key[i] = (uint64_t)x[i] ^ BIAS;
    break;
  }
  case FE_IDS_WHOLE: {
    const double *x = (const double *)s->x + from;
    for (int i = 0; i < m; i++) key[i] = (uint64_t)(int64_t)x[i] ^ BIAS;
    break;
  }
  case FE_IDS_DOUBLE: {
    const double *x = (const double *)s->x + from;
    for (int i = 0; i < m; i++) key[i] = key_of_double(x[i]);
    break;
  }
  case FE_IDS_POINTER: {
    const void *const *x = (const void *const *)s->x + from;
    for (int i = 0; i < m; i++) key[i] = (uint64_t)(uintptr_t)x[i] >> 3;
    break;
  }
  case FE_IDS_PAIR: {
    const int *a = s->a + from, *b = s->b + from;
    uint64_t n_b = (uint64_t)s->n_b;
    for (int i = 0; i < m; i++) key[i] = (uint64_t)(a[i] - 1) * n_b + (uint64_t)(b[i] - 1);
    break;
  }
  }
}

/* The next block of rows of a task: its length, 0 at the end. */
static int next_block(const fe_coder *c, int64_t task, int64_t *row, uint64_t *key) {
  int64_t end = (task + 1) * CHUNK < c->ids.n ? (task + 1) * CHUNK : c->ids.n;
  int m = (int)(end - *row < BLOCK ? end - *row : BLOCK);
  if (m > 0) load_keys(&c->ids, *row, m, key);
  return m;
}

static int64_t n_chunks(int64_t n) { return (n + CHUNK - 1) / CHUNK; }

/* Runs a task for each chunk of rows, with at most so many threads. */
static fe_status over_chunks(const fe_coder *c, int threads, fe_task task, void *data) {
  fe_exec exec = c->exec;
  exec.threads = threads;
  return fe_parallel_for(&exec, n_chunks(c->ids.n), task, data);
}

/* As many threads as may have a table of their own when all tables together shall not be larger
 * than the data: entries of a table against rows of the data. */
static int table_threads(const fe_coder *c, uint64_t entries) {
  int threads = fe_workers(&c->exec, n_chunks(c->ids.n));
  uint64_t most = (uint64_t)c->ids.n / (entries + 1) + 1;
  return most < (uint64_t)threads ? (int)most : threads;
}

/* ---- range --------------------------------------------------------------------------------- */

typedef struct {
  const fe_coder *c;
  uint64_t *low; /* of each task */
  uint64_t *high;
} range_job;

static void range_task(int64_t task, int worker, void *data) {
  range_job *job = data;
  uint64_t key[BLOCK], low = UINT64_MAX, high = 0;
  int64_t row = task * CHUNK;
  (void)worker;
  for (int m; (m = next_block(job->c, task, &row, key)) > 0; row += m) {
    for (int i = 0; i < m; i++) {
      low = key[i] < low ? key[i] : low;
      high = key[i] > high ? key[i] : high;
    }
  }
  job->low[task] = low;
  job->high[task] = high;
}

static fe_status find_range(fe_coder *c) {
  if (c->ids.kind == FE_IDS_PAIR) {
    c->range = (uint64_t)c->ids.n_a * (uint64_t)c->ids.n_b;
    return FE_OK;
  }
  int64_t n_tasks = n_chunks(c->ids.n);
  uint64_t *low = malloc(2 * ((size_t)n_tasks + 1) * sizeof *low);
  if (!low) return FE_ENOMEM;
  range_job job = {c, low, low + n_tasks};
  fe_status status = over_chunks(c, c->exec.threads, range_task, &job);
  uint64_t least = UINT64_MAX, most = 0;
  for (int64_t t = 0; !status && t < n_tasks; t++) {
    if (job.low[t] < least) least = job.low[t];
    if (job.high[t] > most) most = job.high[t];
  }
  free(low);
  c->low = n_tasks > 0 ? least : 0;
  c->range = n_tasks > 0 ? most - least + 1 : 0;
  return status;
}

static fe_status allocate_levels(fe_coder *c) {
  c->key = fe_malloc_large(((size_t)c->n_levels + 1) * sizeof *c->key);
  c->rows = fe_calloc_large((size_t)c->n_levels + 1, sizeof *c->rows);
  return c->key && c->rows ? FE_OK : FE_ENOMEM;
}

/* ---- table --------------------------------------------------------------------------------- */

static void count_task(int64_t task, int worker, void *data) {
  fe_coder *c = data;
  int *count = c->table + (size_t)worker * c->range;
  uint64_t key[BLOCK], low = c->low;
  int64_t row = task * CHUNK;
  for (int m; (m = next_block(c, task, &row, key)) > 0; row += m) {
    for (int i = 0; i < m; i++) count[key[i] - low]++;
  }
}

/* The counts of the threads are added up, and make room for codes. */
static fe_status count_by_table(fe_coder *c) {
  int threads = table_threads(c, c->range);
  c->table = fe_calloc_large((size_t)threads * c->range + 1, sizeof *c->table);
  if (!c->table) return FE_ENOMEM;
  fe_status status = over_chunks(c, threads, count_task, c);
  for (int t = 1; t < threads; t++) {
    const int *other = c->table + (size_t)t * c->range;
    for (uint64_t v = 0; v < c->range; v++) c->table[v] += other[v];
  }
  for (uint64_t v = 0; v < c->range; v++) c->n_levels += c->table[v] > 0;
  if (!status) status = allocate_levels(c);
  int g = 0;
  for (uint64_t v = 0; !status && v < c->range; v++) {
    if (c->table[v] == 0) continue;
    c->key[g] = c->low + v;
    c->rows[g] = c->table[v];
    c->table[v] = ++g;
  }
  return status;
}

int fe_coder_identity(const fe_coder *c) {
  return c->how == BY_TABLE && c->ids.kind == FE_IDS_INT && c->low == (BIAS | 1) &&
         c->range == (uint64_t)c->n_levels;
}

/* ---- writing ------------------------------------------------------------------------------- */

typedef struct {
  const fe_coder *c;
  const int *rank;
  int *code;
  int *rows; /* a table of counts a thread */
} write_job;

static int64_t task_end(const fe_coder *c, int64_t task) {
  return (task + 1) * CHUNK < c->ids.n ? (task + 1) * CHUNK : c->ids.n;
}

static void write_table_task(int64_t task, int worker, void *data) {
  write_job *job = data;
  const fe_coder *c = job->c;
  uint64_t key[BLOCK], low = c->low;
  int64_t row = task * CHUNK;
  int shifted = c->range == (uint64_t)c->n_levels && !job->rank;
  (void)worker;
  for (int m; (m = next_block(c, task, &row, key)) > 0; row += m) {
    int *code = job->code + row;
    if (shifted) {
      for (int i = 0; i < m; i++) code[i] = (int)(key[i] - low) + 1;
    } else {
      for (int i = 0; i < m; i++) code[i] = c->table[key[i] - low];
    }
  }
}

static void rank_task(int64_t task, int worker, void *data) {
  write_job *job = data;
  int64_t end = task_end(job->c, task);
  (void)worker;
  for (int64_t i = task * CHUNK; i < end; i++) job->code[i] = job->rank[job->code[i] - 1];
}

static void map_task(int64_t task, int worker, void *data) {
  write_job *job = data;
  const int *map = job->c->map;
  int start = job->c->map_start[task];
  int64_t end = task_end(job->c, task);
  (void)worker;
  for (int64_t i = task * CHUNK; i < end; i++) job->code[i] = map[start + job->code[i]];
}

static void rows_task(int64_t task, int worker, void *data) {
  write_job *job = data;
  int *rows = job->rows + (size_t)worker * (size_t)job->c->n_levels;
  int64_t end = task_end(job->c, task);
  for (int64_t i = task * CHUNK; i < end; i++) rows[job->code[i] - 1]++;
}

static fe_status count_rows(fe_coder *c, int *code) {
  size_t levels = (size_t)c->n_levels;
  int threads = table_threads(c, levels);
  int *rows = threads > 1 ? calloc((size_t)threads * levels, sizeof *rows) : c->rows;
  if (!rows) return FE_ENOMEM;
  write_job job = {c, NULL, code, rows};
  fe_status status = over_chunks(c, threads, rows_task, &job);
  if (rows == c->rows) return status;
  for (int t = 0; t < threads; t++) {
    for (size_t g = 0; g < levels; g++) c->rows[g] += rows[(size_t)t * levels + g];
  }
  free(rows);
  return status;
}

/* ---- bitmap -------------------------------------------------------------------------------- */

typedef struct {
  const fe_coder *c;
  uint64_t *bits; /* one bitmap a thread */
  size_t n_words;
} bits_job;

static inline int count_bits(uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return (int)((x * 0x0101010101010101u) >> 56);
}

static void bits_task(int64_t task, int worker, void *data) {
  bits_job *job = data;
  uint64_t *bits = job->bits + (size_t)worker * job->n_words;
  uint64_t key[BLOCK], low = job->c->low;
  int64_t row = task * CHUNK;
  for (int m; (m = next_block(job->c, task, &row, key)) > 0; row += m) {
    for (int i = 0; i < m; i++) {
      uint64_t v = key[i] - low;
      bits[v >> 6] |= (uint64_t)1 << (v & 63);
    }
  }
}

static fe_status number_words(fe_coder *c, const uint64_t *bits, size_t n_words, int threads) {
  c->bitmap = fe_malloc_large((n_words + 1) * sizeof *c->bitmap);
  if (!c->bitmap) return FE_ENOMEM;
  uint64_t before = 0;
  for (size_t v = 0; v < n_words; v++) {
    uint64_t all = bits[v];
    for (int t = 1; t < threads; t++) all |= bits[(size_t)t * n_words + v];
    c->bitmap[v] = (word){all, before};
    before += (uint64_t)count_bits(all);
  }
  c->n_levels = (int)before;
  fe_status status = allocate_levels(c);
  if (status) return status;
  size_t g = 0;
  for (size_t v = 0; v < n_words; v++) {
    for (uint64_t rest = c->bitmap[v].bits; rest; rest &= rest - 1) {
      int at = count_bits((rest & (~rest + 1)) - 1);
      c->key[g++] = c->low + 64 * (uint64_t)v + (uint64_t)at;
    }
  }
  return FE_OK;
}

static void write_bitmap_task(int64_t task, int worker, void *data) {
  write_job *job = data;
  const fe_coder *c = job->c;
  uint64_t key[BLOCK], low = c->low;
  int64_t row = task * CHUNK;
  (void)worker;
  for (int m; (m = next_block(c, task, &row, key)) > 0; row += m) {
    int *code = job->code + row;
    for (int i = 0; i < m; i++) {
      uint64_t v = key[i] - low;
      const word *w = &c->bitmap[v >> 6];
      code[i] = (int)w->before + count_bits(w->bits & (((uint64_t)2 << (v & 63)) - 1));
    }
  }
}

static fe_status find_by_bitmap(fe_coder *c, int *code) {
  bits_job job = {c, NULL, (size_t)(c->range / 64 + 1)};
  int threads = table_threads(c, c->range / 16);
  job.bits = fe_calloc_large((size_t)threads * job.n_words + 1, sizeof *job.bits);
  if (!job.bits) return FE_ENOMEM;
  fe_status status = over_chunks(c, threads, bits_task, &job);
  if (!status) status = number_words(c, job.bits, job.n_words, threads);
  free(job.bits);
  write_job out = {c, NULL, code, NULL};
  if (!status) status = over_chunks(c, c->exec.threads, write_bitmap_task, &out);
  return status ? status : count_rows(c, code);
}

/* ---- hash ---------------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t key) {
  return (key ^ key >> 32) * 0x9e3779b97f4a7c15u;
}

static fe_status hash_resize(hash *h, int bits) {
  slot *old = h->slots;
  uint64_t n_old = old ? (uint64_t)1 << (64 - h->shift) : 0;
  uint64_t mask = ((uint64_t)1 << bits) - 1;
  slot *slots = fe_calloc_large((size_t)mask + 1, sizeof *slots);
  if (!slots) return FE_ENOMEM;
  h->slots = slots;
  h->shift = 64 - bits;
  for (uint64_t v = 0; v < n_old; v++) {
    if (old[v].id == 0) continue;
    uint64_t at = mix(old[v].key) >> h->shift;
    while (slots[at].id) at = (at + 1) & mask;
    slots[at] = old[v];
  }
  free(old);
  return FE_OK;
}

/* The slot of a key, which a new key enters. */
static inline slot *hash_slot(hash *h, uint64_t key) {
  uint64_t mask = ((uint64_t)1 << (64 - h->shift)) - 1, at = mix(key) >> h->shift;
  while (h->slots[at].id && h->slots[at].key != key) at = (at + 1) & mask;
  slot *s = &h->slots[at];
  if (!s->id) {
    s->key = key;
    s->id = ++h->used;
  }
  return s;
}

typedef struct {
  fe_coder *c;
  hash *hashes; /* one a thread */
  int *owner;   /* the thread that did a task */
  int *code;
} hash_job;

static void hash_task(int64_t task, int worker, void *data) {
  hash_job *job = data;
  hash *h = job->hashes + worker;
  uint64_t key[BLOCK + AHEAD];
  int64_t row = task * CHUNK;
  job->owner[task] = worker;
  for (int m; !h->failed && (m = next_block(job->c, task, &row, key)) > 0; row += m) {
    int room = 64 - h->shift;
    while (((uint64_t)h->used + BLOCK) * 3 > (uint64_t)2 << room) room++; /* two thirds full */
    if (room > 64 - h->shift && hash_resize(h, room)) {
      h->failed = 1;
      return;
    }
    int *code = job->code + row;
    slot *s = NULL;
    memset(key + m, 0, AHEAD * sizeof *key);
    for (int i = 0; i < m; i++) {
      __builtin_prefetch(&h->slots[mix(key[i + AHEAD]) >> h->shift], 1);
      if (!s || s->key != key[i]) s = hash_slot(h, key[i]);
      s->rows++;
      code[i] = s->id;
    }
  }
}

typedef struct {
  uint64_t key;
  uint32_t at; /* in the map */
  int rows;
} entry;

enum { DIGIT = 11 };

static void radix_pass(const entry *from, entry *to, size_t n, int shift) {
  size_t start[(1 << DIGIT) + 1] = {0};
  uint64_t mask = (1 << DIGIT) - 1;
  for (size_t i = 0; i < n; i++) start[((from[i].key >> shift) & mask) + 1]++;
  for (int d = 0; d < 1 << DIGIT; d++) start[d + 1] += start[d];
  for (size_t i = 0; i < n; i++) to[start[(from[i].key >> shift) & mask]++] = from[i];
}

/* By digits from the least significant one, those in which no two keys differ left out. Returns
 * which of the two arrays is in order. */
static entry *sort_entries(entry *e, entry *spare, size_t n) {
  uint64_t differ = 0;
  int sorted = 1;
  for (size_t i = 1; i < n; i++) {
    differ |= e[i].key ^ e[0].key;
    sorted &= e[i - 1].key <= e[i].key;
  }
  for (int shift = 0; !sorted && shift < 64 && differ >> shift; shift += DIGIT) {
    while (!(differ >> shift & 1)) shift++;
    radix_pass(e, spare, n, shift);
    entry *done = spare;
    spare = e;
    e = done;
  }
  return e;
}

static void list_entries(const hash *hashes, int threads, entry *e) {
  size_t start = 0;
  for (int t = 0; t < threads; t++) {
    size_t n_slots = (size_t)1 << (64 - hashes[t].shift);
    for (size_t v = 0; v < n_slots; v++) {
      const slot *s = &hashes[t].slots[v];
      if (!s->id) continue;
      size_t at = start + (size_t)s->id - 1;
      e[at] = (entry){s->key, (uint32_t)at, s->rows};
    }
    start += (size_t)hashes[t].used;
  }
}

static fe_status number_entries(fe_coder *c, const entry *e, size_t n) {
  for (size_t i = 0; i < n; i++) c->n_levels += i == 0 || e[i].key != e[i - 1].key;
  fe_status status = allocate_levels(c);
  int g = 0;
  for (size_t i = 0; !status && i < n; i++) {
    if (i == 0 || e[i].key != e[i - 1].key) c->key[g++] = e[i].key;
    c->rows[g - 1] += e[i].rows;
    c->map[e[i].at] = g;
  }
  return status;
}

static fe_status merge_hashes(fe_coder *c, const hash_job *job, int threads) {
  int64_t n_tasks = n_chunks(c->ids.n);
  size_t n = 0;
  for (int t = 0; t < threads; t++) n += (size_t)job->hashes[t].used;
  c->n_map = n;
  c->map = malloc((n + 1) * sizeof *c->map);
  c->map_start = malloc(((size_t)n_tasks + 1) * sizeof *c->map_start);
  entry *e = fe_malloc_large((2 * n + 1) * sizeof *e);
  fe_status status = c->map && c->map_start && e ? FE_OK : FE_ENOMEM;
  if (!status) {
    for (int64_t t = 0; t < n_tasks; t++) {
      c->map_start[t] = -1; /* ids begin at 1 */
      for (int h = 0; h < job->owner[t]; h++) c->map_start[t] += job->hashes[h].used;
    }
    list_entries(job->hashes, threads, e);
    status = number_entries(c, sort_entries(e, e + n, n), n);
  }
  free(e);
  return status;
}

static fe_status find_by_hash(fe_coder *c, int *code) {
  int threads = fe_workers(&c->exec, n_chunks(c->ids.n));
  hash_job job = {c, calloc((size_t)threads, sizeof *job.hashes),
                  malloc((size_t)n_chunks(c->ids.n) * sizeof *job.owner), code};
  fe_status status = job.hashes && job.owner ? FE_OK : FE_ENOMEM;
  for (int t = 0; !status && t < threads; t++) status = hash_resize(job.hashes + t, DIGIT);
  if (!status) status = over_chunks(c, threads, hash_task, &job);
  for (int t = 0; !status && t < threads; t++) {
    if (job.hashes[t].failed) status = FE_ENOMEM;
  }
  if (!status) status = merge_hashes(c, &job, threads);
  for (int t = 0; job.hashes && t < threads; t++) free(job.hashes[t].slots);
  free(job.hashes);
  free(job.owner);
  return status;
}

/* ---- the three steps ----------------------------------------------------------------------- */

fe_status fe_coder_new(const fe_ids *ids, const fe_exec *exec, fe_coder **coder) {
  *coder = calloc(1, sizeof **coder);
  if (!*coder) return FE_ENOMEM;
  fe_coder *c = *coder;
  c->ids = *ids;
  c->exec = *exec;
  fe_status status = find_range(c);
  uint64_t n = (uint64_t)ids->n, most = c->range - 1; /* a range of 2^64 has become 0 */
  c->how = n == 0 || most < n + 1024 ? BY_TABLE : most < 64 * n ? BY_BITMAP : BY_HASH;
  if (n == 0) c->range = 0;
  if (!status && c->how == BY_TABLE) status = count_by_table(c);
  if (!status) return FE_OK;
  fe_coder_free(c);
  *coder = NULL;
  return status;
}

void fe_coder_free(fe_coder *c) {
  if (!c) return;
  free(c->key);
  free(c->rows);
  free(c->table);
  free(c->bitmap);
  free(c->map);
  free(c->map_start);
  free(c);
}

fe_status fe_coder_find(fe_coder *c, int *code) {
  if (c->how == BY_BITMAP) return find_by_bitmap(c, code);
  return c->how == BY_HASH ? find_by_hash(c, code) : FE_OK;
}

int fe_coder_levels(const fe_coder *c) { return c->n_levels; }

const uint64_t *fe_coder_keys(const fe_coder *c) { return c->key; }

const int *fe_coder_rows(const fe_coder *c) { return c->rows; }

fe_status fe_coder_write(fe_coder *c, const int *rank, int *code) {
  write_job job = {c, rank, code, NULL};
  if (c->how == BY_BITMAP) {
    return rank ? over_chunks(c, c->exec.threads, rank_task, &job) : FE_OK;
  }
  if (c->how == BY_HASH) {
    for (size_t i = 0; rank && i < c->n_map; i++) c->map[i] = rank[c->map[i] - 1];
    return over_chunks(c, c->exec.threads, map_task, &job);
  }
  for (uint64_t v = 0; rank && v < c->range; v++) {
    if (c->table[v]) c->table[v] = rank[c->table[v] - 1];
  }
  return over_chunks(c, c->exec.threads, write_table_task, &job);
}

/* ---- doubles ------------------------------------------------------------------------------- */

typedef struct {
  const double *x;
  int64_t n;
  fe_doubles_kind *part; /* of each task */
} look_job;

static void look_task(int64_t task, int worker, void *data) {
  look_job *job = data;
  int64_t end = (task + 1) * CHUNK < job->n ? (task + 1) * CHUNK : job->n;
  fe_doubles_kind k = {0.0, 1, 0};
  (void)worker;
  for (int64_t i = task * CHUNK; i < end; i++) {
    double v = job->x[i], size = fabs(v);
    double safe = size <= 9007199254740992.0 ? v : 0.5;
    k.size = size > k.size ? size : k.size;
    k.whole &= (double)(int64_t)safe == safe;
    k.n_nan += v != v;
  }
  job->part[task] = k;
}

fe_status fe_look_at_doubles(const double *x, int64_t n, const fe_exec *exec,
                             fe_doubles_kind *kind) {
  int64_t n_tasks = n_chunks(n);
  look_job job = {x, n, malloc(((size_t)n_tasks + 1) * sizeof *job.part)};
  if (!job.part) return FE_ENOMEM;
  fe_status status = fe_parallel_for(exec, n_tasks, look_task, &job);
  *kind = (fe_doubles_kind){0.0, 1, 0};
  for (int64_t t = 0; !status && t < n_tasks; t++) {
    if (job.part[t].size > kind->size) kind->size = job.part[t].size;
    kind->whole &= job.part[t].whole;
    kind->n_nan += job.part[t].n_nan;
  }
  free(job.part);
  return status;
}

/* ---- strings ------------------------------------------------------------------------------- */

/* The first eight bytes after what all strings have in common, as a number; the rest of the
 * string, for equal numbers. */
typedef struct {
  uint64_t head;
  const char *tail;
  int at;
} text;

static int compare_texts(const void *x, const void *y) {
  const text *a = x, *b = y;
  if (a->head != b->head) return a->head < b->head ? -1 : 1;
  return strcmp(a->tail, b->tail);
}

static size_t common_start(const char *const *s, int n) {
  size_t common = n > 0 ? strlen(s[0]) : 0;
  for (int i = 1; i < n; i++) {
    size_t l = 0;
    while (l < common && s[i][l] == s[0][l]) l++;
    common = l;
  }
  return common;
}

fe_status fe_order_strings(const char *const *s, int n, int *order) {
  text *t = malloc(((size_t)n + 1) * sizeof *t);
  if (!t) return FE_ENOMEM;
  size_t common = common_start(s, n);
  for (int i = 0; i < n; i++) {
    const char *c = s[i] + common;
    uint64_t head = 0;
    int l = 0;
    for (; l < 8 && *c; l++) head = head << 8 | (unsigned char)*c++;
    t[i] = (text){l > 0 ? head << 8 * (8 - l) : 0, c, i};
  }
  qsort(t, (size_t)n, sizeof *t, compare_texts);
  for (int i = 0; i < n; i++) order[i] = t[i].at;
  free(t);
  return FE_OK;
}

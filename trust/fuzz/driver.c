/* Stands in for libFuzzer where the compiler has none: runs a target on mutations of a corpus,
 * without knowing what they reach.
 *   target -max_total_time=SECONDS -seed=N -artifact_prefix=PATH [files of the corpus] */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BYTES = 512, MOST_FILES = 256 };

typedef struct {
  uint8_t data[MOST_BYTES];
  size_t size;
} input;

static input corpus[MOST_FILES], tried;
static int n_files;
static char artifact[1024] = "crash";
static uint64_t state = 1;

static uint32_t draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

/* The input that ends the program is kept. */
static void keep_input(int signal_number) {
  int file = open(artifact, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  ssize_t written = file >= 0 ? write(file, tried.data, tried.size) : -1;
  static const char text[] = "driver: the input that failed was kept\n";
  if (written >= 0 && write(2, text, sizeof text - 1) < 0) _exit(3);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static void mutate(input *x) {
  for (uint32_t changes = 1 + draw() % 6; changes > 0; changes--) {
    size_t at = x->size ? draw() % x->size : 0;
    switch (draw() % 5) {
      case 0: if (x->size) x->data[at] ^= (uint8_t)(1u << draw() % 8); break;
      case 1: if (x->size) x->data[at] = (uint8_t)draw(); break;
      case 2: x->size = at; break;
      case 3: if (x->size) x->data[at] = x->data[draw() % x->size]; break;
      default:
        for (uint32_t more = 1 + draw() % 32; more > 0 && x->size < MOST_BYTES; more--) {
          x->data[x->size++] = (uint8_t)draw();
        }
    }
  }
}

static void read_file(const char *path) {
  FILE *f = n_files < MOST_FILES ? fopen(path, "rb") : NULL;
  if (!f) return;
  corpus[n_files].size = fread(corpus[n_files].data, 1, MOST_BYTES, f);
  n_files++;
  fclose(f);
}

int main(int argc, char **argv) {
  int seconds = 0;
  long times = 0;
  for (int i = 1; i < argc; i++) {
    if (sscanf(argv[i], "-max_total_time=%d", &seconds) == 1) continue;
    if (sscanf(argv[i], "-seed=%lu", &state) == 1) continue;
    if (strncmp(argv[i], "-artifact_prefix=", 17) == 0) {
      snprintf(artifact, sizeof artifact, "%scrash", argv[i] + 17);
    } else if (argv[i][0] != '-') {
      read_file(argv[i]);
    }
  }
  state = state * 2654435761u + 1;
  signal(SIGABRT, keep_input);
  signal(SIGALRM, keep_input);
  for (int i = 0; i < n_files; i++, times++) {
    tried = corpus[i];
    LLVMFuzzerTestOneInput(tried.data, tried.size);
  }
  for (time_t end = time(NULL) + seconds; time(NULL) < end; times++) {
    tried = n_files ? corpus[draw() % (uint32_t)n_files] : (input){{0}, 0};
    mutate(&tried);
    alarm(20);
    LLVMFuzzerTestOneInput(tried.data, tried.size);
  }
  fprintf(stderr, "stat::number_of_executed_units: %ld\n", times);
  return 0;
}

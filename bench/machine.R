# What the figures were measured on.

first_match <- function(path, pattern) {
  lines <- tryCatch(readLines(path), error = function(e) "", warning = function(w) "")
  hit <- grep(pattern, lines, value = TRUE)
  if (length(hit)) trimws(sub(pattern, "", hit[1L])) else NA_character_
}

cpu_model <- function() {
  model <- first_match("/proc/cpuinfo", "^model name[[:space:]]*:")
  if (is.na(model) && Sys.info()[["sysname"]] == "Darwin") {
    model <- system2("sysctl", c("-n", "machdep.cpu.brand_string"), stdout = TRUE)
  }
  if (is.na(model)) Sys.info()[["machine"]] else model
}

ram_gb <- function() {
  kb <- first_match("/proc/meminfo", "^MemTotal:")
  round(as.numeric(gsub("[^0-9]", "", kb)) / 1024^2, 1)
}

describe_machine <- function(threads) {
  session <- utils::sessionInfo()
  data.frame(date = format(Sys.Date()), cpu = cpu_model(), cores = parallel::detectCores(),
             ram_gb = ram_gb(), os = session$running, r = as.character(getRversion()),
             blas = basename(session$BLAS), threads = threads)
}

# A file name: date and processor.
machine_slug <- function(machine) {
  cpu <- gsub("[^a-z0-9]+", "-", tolower(machine$cpu))
  sprintf("%s-%s-%d-cores", machine$date, gsub("^-|-$", "", cpu), machine$cores)
}

version_of <- function(package) {
  tryCatch(as.character(utils::packageVersion(package)), error = function(e) NA_character_)
}

# The share of the processors' time that is used while the benchmark itself waits (Linux, else NA).
busy_share <- function(seconds = 0.3) {
  ticks <- function() {
    line <- tryCatch(readLines("/proc/stat", 1L), error = function(e) "", warning = function(w) "")
    as.numeric(strsplit(line, " +")[[1L]][2:9])
  }
  before <- ticks()
  Sys.sleep(seconds)
  spent <- ticks() - before
  # user, nice, system, idle, iowait, ...
  1 - sum(spent[4:5]) / sum(spent)
}

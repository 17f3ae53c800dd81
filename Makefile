# The targets are described in CONTRIBUTING.md. GNU make; every long step is a script of tools/.

# A panel of one's own (CSV) and the file that maps its column names, both optional.
DATA =
MAP =
# QUICK=1 runs the smaller set of benchmarks, BENCH holds further arguments of bench/run.R.
QUICK =
BENCH =
# A regular expression: which scripts of trust/ are run.
ONLY =
# The library that `make` installs the package into; git ignores it.
LIB = $(CURDIR)/.lib

WITH_LIB = R_LIBS="$(LIB)$${R_LIBS:+:$$R_LIBS}"
C_TESTS = BUILD="$(LIB)/c-tests" $(MAKE) --no-print-directory -C tests/c

# Without a UTF-8 locale (a bare machine has none) R cannot print the reports' characters.
ifneq ($(shell locale charmap 2>/dev/null),UTF-8)
export LC_ALL := C.UTF-8
endif

.PHONY: help replicate test check trust soak reference bench memory install document clean

help:
	@echo "make replicate [DATA=panel.csv] [MAP=names.csv]  the study: replication.html, replication/"
	@echo "make test                                        the tests of the C core and of the package"
	@echo "make check                                       R CMD build, R CMD check --as-cran"
	@echo "make trust                                       faults, fuzzing, random models: the short part"
	@echo "make soak                                        the same, for hours"
	@echo "make reference                                   certified and published values, digit by digit"
	@echo "make bench [QUICK=1] [BENCH=--case=regex]        times, memory and accuracy against the peers"
	@echo "make memory                                      how a call ends that has too little memory"
	@echo "make install | document | clean                  see CONTRIBUTING.md"

replicate:
	@sh tools/setup.sh replicate
	@sh tools/install.sh "$(LIB)"
	@$(WITH_LIB) Rscript tools/replicate.R "$(DATA)" "$(MAP)"

test:
	@sh tools/setup.sh test
	@sh tools/install.sh "$(LIB)"
	@status=0; \
	$(C_TESTS) test || status=1; \
	$(WITH_LIB) Rscript tools/test.R || status=1; \
	exit $$status

check:
	@sh tools/setup.sh check
	@sh tools/check.sh

trust:
	@sh tools/setup.sh trust
	@sh tools/install.sh "$(LIB)"
	@$(WITH_LIB) Rscript trust/run.R --quick $(if $(ONLY),--only='$(ONLY)')

soak:
	@sh tools/setup.sh trust
	@sh tools/install.sh "$(LIB)"
	@$(WITH_LIB) Rscript trust/run.R --ship

reference:
	@sh tools/setup.sh test
	@sh tools/install.sh "$(LIB)"
	@$(WITH_LIB) Rscript trust/reference.R --ship

bench:
	@sh tools/setup.sh test
	@sh tools/install.sh "$(LIB)"
	@$(WITH_LIB) Rscript bench/run.R $(if $(QUICK),--quick) $(BENCH)

memory:
	@sh tools/install.sh "$(LIB)"
	@$(WITH_LIB) Rscript bench/memory.R

install:
	@sh tools/install.sh "$(LIB)"

document: install
	@$(WITH_LIB) Rscript tools/document.R

clean:
	@rm -rf "$(LIB)" replication replication.html

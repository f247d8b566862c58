# SPDX-License-Identifier: GPL-2.0-only
# What tools/bench/scale runs: packets at several hosts, by the bench's own generator and sinks.

$(BUILD)/bench-scale: tools/bench/scale.d/lanes.c tools/bench/bench.h include/culvert/abi.h $(patsubst %,$(BENCH_DIR)/%.o,site hooks packets tap stats window)
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -I$(BENCH_DIR) -o $@ $(filter %.c %.o,$^) -lbpf -lm

TOOLS += $(BUILD)/bench-scale

BENCH_PROGRAMS += $(BUILD)/bench-scale $(BUILD)/flood
install-bench: $(BUILD)/bench-scale $(BUILD)/flood install-scale
install-scale:
	install -D -m 644 -t $(DESTDIR)$(BENCH_TO)/scale.d $(wildcard tools/bench/scale.d/*.py)
.PHONY: install-scale

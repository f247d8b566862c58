# SPDX-License-Identifier: GPL-2.0-only
# dhcp-farm, which tools/bench/dhcp runs: DHCP clients of our own.

FARM_SRC := $(wildcard tools/bench/clients/*.c)

$(BUILD)/dhcp-farm: $(FARM_SRC) tools/bench/clients/farm.h user/mem.h | $(BUILD)
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -o $@ $(FARM_SRC) -ljansson -lm

TOOLS += $(BUILD)/dhcp-farm

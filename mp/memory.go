package mp

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// MemoryLimit is how much memory the control group of this process may use, in bytes, the limits of the groups around
// it included; 0: there is no limit, or none that can be read. The Go runtime heeds the CPU limit of the group by
// itself, but not this one.
func MemoryLimit() int64 { return memoryLimit(os.ReadFile) }

func memoryLimit(read func(string) ([]byte, error)) int64 {
	groups, err := read("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case controllers == "": // cgroup v2 (cgroups(7))
			least = min(least, smallest(read, "/sys/fs/cgroup", group, "memory.max"))
		case strings.Contains(","+controllers+",", ",memory,"):
			least = min(least, smallest(read, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"))
		}
	}
	if least >= math.MaxInt64>>1 { // what v1 calls no limit is less than the largest number by a part of a page
		return 0
	}
	return least
}

// smallest is the least limit of a group and those around it.
func smallest(read func(string) ([]byte, error), top, group, name string) int64 {
	least := int64(math.MaxInt64)
	for {
		text, err := read(path.Join(top, group, name))
		if n, parseErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && parseErr == nil {
			least = min(least, n)
		}
		if group == "/" || group == "." || group == "" {
			return least
		}
		group = path.Dir(group)
	}
}

package mp

import (
	"io/fs"
	"testing"
)

func TestMemoryLimitIsTheLeastOfAllGroupsAround(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"v2, an outer limit is the smaller one": {map[string]string{
			"/proc/self/cgroup": "0::/system.slice/lb.service\n",
			"/sys/fs/cgroup/system.slice/lb.service/memory.max": "2000\n",
			"/sys/fs/cgroup/system.slice/memory.max":            "1000\n",
		}, 1000},
		"v2 in a container": {map[string]string{
			"/proc/self/cgroup":         "0::/\n",
			"/sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"v2 without a limit": {map[string]string{
			"/proc/self/cgroup":           "0::/a\n",
			"/sys/fs/cgroup/a/memory.max": "max\n",
		}, 0},
		"v1": {map[string]string{
			"/proc/self/cgroup":                             "5:cpu,cpuacct:/x\n4:memory:/a\n",
			"/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, 4096},
		"v1 without a limit": {map[string]string{
			"/proc/self/cgroup":                           "4:memory:/\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"no groups": {nil, 0},
	} {
		got := memoryLimit(func(path string) ([]byte, error) {
			text, there := c.files[path]
			if !there {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		})
		if got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

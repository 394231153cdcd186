//go:build linux

package main

import (
	"maps"
	"os"
	"testing"
)

func TestStatOfAnyCommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]processStat{
		"7 (lb) S 3 7 7":          {3, 'S'},
		"7 (a) Z 1 (b) R 4 7 7 0": {4, 'R'},
	} {
		if got, err := parseStat([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := parseStat([]byte("7 (lb")); err == nil {
		t.Error("half a line is read")
	}
}

func TestUsageOfOneself(t *testing.T) {
	t.Parallel()
	u, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if u.RSS < 1<<20 || u.PSS > u.RSS || u.Anon > u.RSS || u.Anon == 0 || u.Descriptors < 3 || u.Threads < 2 {
		t.Errorf("%+v", u)
	}
}

func TestDumpIsCounted(t *testing.T) {
	t.Parallel()
	const dump = `SIGABRT: abort
PC=0x47 m=0 sigcode=0

goroutine 0 gp=0x1 m=0 mp=0x2 [idle]:
runtime.futex()

goroutine 1 gp=0x3 m=nil [select]:
main.main()
	/a.go:1 +0x1

goroutine 18 gp=0x4 m=nil [chan receive]:
lb/actors.(*x).run()
created by lb/supervisor.(*G).Go in goroutine 1
	/b.go:1 +0x1

goroutine 19 gp=0x5 m=nil [chan receive]:
lb/actors.(*x).run()
created by lb/supervisor.(*G).Go in goroutine 1
	/b.go:1 +0x1

rax    0xca
`
	want := goroutines{"the runtime": 1, "lb/supervisor.(*G).Go": 2}
	if got := readDump(dump); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

package main

import (
	"strings"
	"testing"
)

func TestSettingsWithoutEffectAreWarnedOf(t *testing.T) {
	const (
		weights  = "weights have no effect on round_robin; did you mean -s weighted?"
		key      = "the hash key has no effect on p2c; did you mean -s hash?"
		interval = "the health timeout is above the health interval: while a backend does not answer, it is probed less often"
		pin      = "--pin has no effect on --mode sp; did you mean --mode mp?"
	)
	for args, want := range map[string]string{
		"-b a:1,weight=1":                                             "",
		"-b a:1,weight=2":                                             weights,
		"-b a:1,weight=2 -s weighted":                                 "",
		"-b a:1,weight=2 -s p2c --hash-key header:X":                  key,
		"-b a:1,weight=2 -s hash --hash-key header:X":                 "",
		"-b a:1 --hash-key client":                                    "",
		"-b a:1 --health-timeout 6s":                                  interval,
		"-b a:1 --health-timeout 6s --health-interval 6s":             "",
		"-b a:1 --health-timeout 6s --health-type off":                "",
		"-b a:1 --pin":                                                pin,
		"-b a:1 --pin -b b:2,weight=3 --health-interval 1s -s random": interval + "\n" + pin,
	} {
		t.Run(args, func(t *testing.T) {
			b := newStandIn()
			b.ended <- nil
			s := begin(t, b, append(strings.Fields(args), "--host", "127.0.0.1", "-p0", "-w1")...)
			if code := s.end(t); code != exitOK {
				t.Fatalf("exit code %d, stderr %q", code, &s.stderr)
			}
			if got := strings.Join(s.warned(t), "\n"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

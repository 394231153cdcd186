package tests

import (
	"syscall"
	"testing"
)

// inEachSecurity runs a test in each mode of processes with backends of HTTP/1.1 and of HTTP/2 in TLS, whose responses
// have that Via.
func inEachSecurity(t *testing.T, test func(t *testing.T, s settings, via string)) {
	t.Helper()
	for via, http2 := range map[string]bool{"1.1 lb": false, "2.0 lb": true} {
		t.Run(via[:3], func(t *testing.T) {
			t.Parallel()
			inEachMode(t, func(t *testing.T, mode string) {
				addrs, args := secureLoadBackends(t, 2, http2)
				test(t, settings{backends: addrs, workers: 2, args: append(args, "--mode", mode)}, via)
			})
		})
	}
}

func (b *balancer) expectVia(t *testing.T, want string) {
	t.Helper()
	if got, _ := b.get(t, "/").field("Via"); got != want {
		t.Errorf("Via: %q, want %q", got, want)
	}
}

// Connections to backends, their handshakes and streams belong to the process that began them: who ends finishes them.
func TestUpgradesWithTLSLoseNothing(t *testing.T) {
	t.Parallel()
	inEachSecurity(t, func(t *testing.T, s settings, via string) {
		n := startSuccession(t, s)
		(&balancer{addr: n.addr}).expectVia(t, via)
		l := startLoad(n.addr, rounds(1000, 200), seedOf(t), mixture)
		for range rounds(20, 3) {
			served := l.answered()
			if !eventually(func() bool { return l.answered() > served+30 }, nil) {
				t.Fatal("no load")
			}
			n.upgrade()
		}
		l.stop().clean(t, 0)
	})
}

func TestStopWithTLSAnswersAllThatItAccepted(t *testing.T) {
	t.Parallel()
	lbOnly(t)
	inEachSecurity(t, func(t *testing.T, s settings, via string) {
		b := start(t, s)
		b.expectVia(t, via)
		v := stopAmid(t, b, syscall.SIGTERM)
		t.Log(v)
		for word, n := range v.ends {
			if word != "refused" {
				t.Errorf("%d requests %s: %q", n, word, v.samples)
			}
		}
		if b.err != nil {
			t.Errorf("ended with %v", b.err)
		}
	})
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestEndsHaveWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "answered"},
		{&wrongAnswer{"x"}, "wrong"},
		{fmt.Errorf("x: %w", &otherStatus{502, ""}), "502"},
		{fmt.Errorf("%w: %w", errCrossed, io.EOF), "crossed"},
		{syscall.ECONNREFUSED, "refused"},
		{syscall.ECONNRESET, "reset"},
		{io.ErrUnexpectedEOF, "cut"},
		{os.ErrDeadlineExceeded, "late"},
		{errors.New("x"), "failed"},
	} {
		if got := wordOf(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

// A trouble explains what it may lead to, from its begin until a little after its end; nothing explains a wrong answer.
func TestTroublesExplain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	reset := fmt.Errorf("x: %w", syscall.ECONNRESET)
	for _, c := range []struct {
		name    string
		trouble trouble
		err     error
		want    int
	}{
		{"none", trouble{}, reset, 1},
		{"now", trouble{explain: ofWorkers, began: now.Add(-time.Second)}, reset, 0},
		{"just over", trouble{explain: ofWorkers, began: now.Add(-9 * time.Second), ended: now.Add(-time.Second)}, reset, 0},
		{"long over", trouble{explain: ofWorkers, began: now.Add(-time.Hour), ended: now.Add(-8 * time.Second)}, reset, 1},
		{"of another kind", trouble{explain: ofWorkers, began: now.Add(-time.Second)}, &otherStatus{502, ""}, 1},
		{"wrong", trouble{explain: slices.Concat(ofWorkers, ofOrigins), began: now.Add(-time.Second)}, &wrongAnswer{"x"}, 1},
	} {
		tally := newTally()
		c.trouble.name = c.name
		tally.troubles = append(tally.troubles, &c.trouble)
		tally.note("get", c.err, now)
		if got := tally.unexplained(); got != c.want || len(tally.samples) != c.want {
			t.Errorf("%s: %d unexplained, want %d", c.name, got, c.want)
		}
	}
}

func TestLatencyIsMeasuredWhileNothingIsWrong(t *testing.T) {
	t.Parallel()
	tally := newTally()
	endUpgrade := tally.begin("upgrade", nil)
	tally.measure(time.Now())
	endUpgrade()
	end := tally.begin("stop", ofOrigins)
	tally.measure(time.Now())
	end()
	tally.measure(time.Now())
	if len(tally.times) != 1 {
		t.Errorf("%d measured, want the one during an upgrade", len(tally.times))
	}
}

func TestPieceTellsWrongBytes(t *testing.T) {
	t.Parallel()
	p := piece{1000, 100_000}
	good := string(p.bytes())
	if err := p.compare(strings.NewReader(good)); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{
		"one byte less": good[1:], "cut": good[:99_999], "longer": good + "x",
		"a byte changed": good[:500] + string(good[500]^1) + good[501:], "moved": string(piece{1001, 100_000}.bytes()),
	} {
		var wrong *wrongAnswer
		if err := p.compare(strings.NewReader(body)); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSharesAddUp(t *testing.T) {
	t.Parallel()
	sum := 0
	for i := range kinds {
		sum += kinds[i].share
	}
	if sum != shares {
		t.Errorf("the kinds have %d shares, want %d", sum, shares)
	}
}

// Each change of the configuration file is one, and keeps all backends but the guest.
func TestPicturesChange(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	guest := entry{Host: "127.0.0.1", Port: 9}
	p := picture{[]entry{{Host: "a", Port: 1}, {Host: "b", Port: 2}, {Host: "c", Port: 3}}, "random"}
	visits := 0
	for range 200 {
		next, what := p.changed(r, guest)
		if next.text() == p.text() {
			t.Fatalf("%s changes nothing", what)
		}
		var hosts []string
		for _, e := range next.Backends {
			if e.Port != guest.Port {
				hosts = append(hosts, e.Host)
			} else {
				visits++
			}
		}
		if slices.Sort(hosts); !slices.Equal(hosts, []string{"a", "b", "c"}) {
			t.Fatalf("%s leaves %q", what, hosts)
		}
		p = next
	}
	if visits == 0 || visits == 200 {
		t.Errorf("the guest was there %d times of 200", visits)
	}
}

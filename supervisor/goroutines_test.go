package supervisor_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lb/supervisor"
)

func TestGoroutineThatPanicsIsReportedAndHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := supervisor.Goroutines{Report: func(name string, value any, stack []byte) {
			first, _, _ := strings.Cut(string(stack), "(")
			d.note("%s: %v in %s", name, value, first)
		}}
		gate := make(chan struct{})
		g.Go("sound", func() { <-gate })
		g.Go("loop/0", func() { explode("bang") })
		synctest.Wait()
		d.want(t, "loop/0: bang in lb/supervisor_test.explode")
		g.Go("loop/1", func() { runtime.Goexit() })
		synctest.Wait()
		d.want(t, "loop/1: runtime.Goexit was called in "+
			"lb/supervisor_test.TestGoroutineThatPanicsIsReportedAndHarmsNobody.func1.4")
		if g.Running() != 1 || g.Crashes() != 2 {
			t.Errorf("%d run, %d crashed; want 1 and 2", g.Running(), g.Crashes())
		}
		close(gate)
		if err := g.Wait(time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestReportThatPanicsIsOnlyCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := supervisor.Goroutines{Report: func(string, any, []byte) { panic("again") }}
		g.Go("a", func() { panic(errors.New("once")) })
		if err := g.Wait(time.Second); err != nil || g.Crashes() != 2 {
			t.Errorf("error %v, %d crashes; want none and 2", err, g.Crashes())
		}
		var silent supervisor.Goroutines
		silent.Go("a", func() { panic(nil) })
		if err := silent.Wait(time.Second); err != nil || silent.Crashes() != 1 {
			t.Errorf("error %v, %d crashes; want none and 1", err, silent.Crashes())
		}
	})
}

func TestWaitNamesWhatStillRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g supervisor.Goroutines
		if err := g.Wait(0); err != nil {
			t.Errorf("nothing ever ran: %v", err)
		}
		gate := make(chan struct{})
		for _, name := range []string{"probe", "dns", "probe"} {
			g.Go(name, func() { <-gate })
		}
		begin := time.Now()
		err := g.Wait(3 * time.Second)
		if err == nil || err.Error() != "3 goroutines still run after 3s: dns, probe" ||
			time.Since(begin) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		time.AfterFunc(time.Second, func() { close(gate) })
		if err := g.Wait(3 * time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("waited %v in all, want 4s", took)
		}
	})
}

func TestAfterIsAsSafeAsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		begin := time.Now()
		g := supervisor.Goroutines{Report: func(name string, value any, _ []byte) {
			d.note("%s: %v after %v", name, value, time.Since(begin))
		}}
		g.After("late", time.Hour, func() { panic("bang") })
		stopped := g.After("never", time.Minute, func() { panic("stopped") })
		if g.Running() != 0 || !stopped.Stop() {
			t.Errorf("%d run before their time", g.Running())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		d.want(t, "late: bang after 1h0m0s")
	})
}

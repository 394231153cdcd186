package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Goroutines starts the goroutines of a program, apart from those of its actors. A panic in one ends that goroutine and
// nothing else. The zero value works; it may be used by several goroutines, and must not be copied.
type Goroutines struct {
	// Report is told of each goroutine that ended by a panic or a runtime.Goexit (ErrGoexit), on that goroutine. Nil:
	// such ends are only counted. A panic in Report is counted, too, and goes no further.
	Report func(name string, value any, stack []byte)

	mu      sync.Mutex
	names   map[string]int // those that run
	running int
	crashes uint64
	idle    chan struct{} // closed when running gets to 0; nil while nobody waits
}

// Go runs fn on a new goroutine. The name says what it does; several may share one.
func (g *Goroutines) Go(name string, fn func()) {
	g.enter(name)
	go g.run(name, fn)
}

// After runs fn on a goroutine of that name when the delay is over, unless the timer is stopped before.
func (g *Goroutines) After(name string, delay time.Duration, fn func()) *time.Timer {
	return time.AfterFunc(delay, func() {
		g.enter(name)
		g.run(name, fn)
	})
}

// Running returns how many goroutines run.
func (g *Goroutines) Running() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// Crashes returns how many ended by a panic or a runtime.Goexit.
func (g *Goroutines) Crashes() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.crashes
}

// Wait returns when no goroutine runs, or after the given time with an error that names those which do.
func (g *Goroutines) Wait(within time.Duration) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-g.done():
		return nil
	case <-timer.C:
		return g.late(within)
	}
}

func (g *Goroutines) run(name string, fn func()) {
	defer g.leave(name)
	returned := false
	defer func() {
		if !returned {
			g.crash(name, recover())
		}
	}()
	fn()
	returned = true
}

// crash reports. The first value is nil after a Goexit, which recover does not see.
func (g *Goroutines) crash(name string, value any) {
	if value == nil {
		value = ErrGoexit
	}
	g.count()
	if g.Report == nil {
		return
	}
	defer func() {
		if recover() != nil {
			g.count()
		}
	}()
	g.Report(name, value, stack())
}

func (g *Goroutines) count() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.crashes++
}

func (g *Goroutines) enter(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.names == nil {
		g.names = make(map[string]int)
	}
	g.names[name]++
	g.running++
}

func (g *Goroutines) leave(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	if g.names[name]--; g.names[name] == 0 {
		delete(g.names, name)
	}
	if g.running == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// done returns a channel that is closed once nothing runs.
func (g *Goroutines) done() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	return g.idle
}

// late names what still runs, if anything does: both may have come to an end at once.
func (g *Goroutines) late(within time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(g.names))
	return fmt.Errorf("%d goroutines still run after %v: %s", g.running, within, strings.Join(names, ", "))
}

//go:build sim

package loop

import "time"

// simulationBegan is the wall clock when that of a simulated loop stands at zero.
var simulationBegan = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (l *Loop) readClock() {
	if l.poller.kernel != nil {
		l.now = l.poller.kernel.Now()
	}
}

func (l *Loop) wallClock() time.Time { return simulationBegan.Add(time.Duration(l.now)) }

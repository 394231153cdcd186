//go:build !sim

package loop

import "time"

// readClock sets Now. The 1 keeps a clock without resolution from showing 0, which means "no deadline".
func (l *Loop) readClock() { l.now = int64(time.Since(l.epoch)) + 1 }

func (l *Loop) wallClock() time.Time { return time.Now() }
